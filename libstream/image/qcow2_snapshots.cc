#include "image/qcow2_snapshots.h"

#include "base/checked_math.h"
#include "image/image_header_parts.h"

namespace hx {
namespace {

// Offsets in the extra data.
constexpr uint64_t kVmStateSizeAt = 0, kDiskSizeAt = 8, kExtraLength = 16;

uint64_t extra_number(const std::string& extra, uint64_t at) {
  return load_struct<Be64>(as_bytes(extra).subspan(at, 8));
}

}  // namespace

Result<std::vector<Qcow2Snapshot>> read_qcow2_snapshots(const RandomReader& file, const Qcow2Header& header) {
  const auto wrong = [&](const std::string& what) {
    return damaged(file.name() + ": qcow2: the snapshot table: " + what);
  };
  const uint64_t end = HX_TRY(file.size());
  std::vector<Qcow2Snapshot> snapshots;
  uint64_t at = header.snapshots_offset;
  for (uint32_t i = 0; i < header.snapshot_count; ++i) {
    if (!fits_within(at, sizeof(Qcow2SnapshotBytes), end)) return wrong("cut short");
    const auto bytes = HX_TRY(read_struct<Qcow2SnapshotBytes>(file, at));
    at += sizeof bytes;
    if (bytes.extra_length > kQcow2MaxSnapshotExtra)
      return wrong(std::to_string(bytes.extra_length) + " bytes of extra data");
    const uint64_t length = uint64_t{bytes.extra_length} + bytes.id_length + bytes.name_length;
    if (!fits_within(at, length, end)) return wrong("cut short");
    std::string rest(length, '\0');
    HX_TRY(file.read_at(at, std::as_writable_bytes(std::span(rest))));
    at += length + (8 - length % 8) % 8;
    if (at - header.snapshots_offset > kQcow2MaxSnapshotBytes) return wrong("larger than 64 MiB");
    Qcow2Snapshot snapshot;
    snapshot.extra = rest.substr(0, bytes.extra_length);
    snapshot.id = rest.substr(bytes.extra_length, bytes.id_length);
    snapshot.name = rest.substr(size_t{bytes.extra_length} + bytes.id_length);
    snapshot.l1_offset = bytes.l1_offset;
    snapshot.l1_size = bytes.l1_size;
    snapshot.seconds = bytes.seconds;
    snapshot.nanoseconds = bytes.nanoseconds;
    snapshot.vm_clock = bytes.vm_clock;
    snapshot.vm_state_size = bytes.vm_state_size;
    if (snapshot.extra.size() >= kDiskSizeAt) snapshot.vm_state_size = extra_number(snapshot.extra, kVmStateSizeAt);
    snapshot.disk_size =
        snapshot.extra.size() >= kExtraLength ? extra_number(snapshot.extra, kDiskSizeAt) : header.size;
    if (snapshot.l1_size > kQcow2MaxL1Bytes / 8 || snapshot.l1_offset % header.cluster_size() != 0 ||
        snapshot.disk_size >= uint64_t{1} << 63 || header.l1_needed(snapshot.disk_size) > snapshot.l1_size)
      return wrong("an L1 table of " + std::to_string(snapshot.l1_size) + " entries at " +
                   std::to_string(snapshot.l1_offset) + " for a disk of " + std::to_string(snapshot.disk_size) +
                   " bytes");
    snapshots.push_back(std::move(snapshot));
  }
  return snapshots;
}

std::string encode_qcow2_snapshots(std::span<const Qcow2Snapshot> snapshots) {
  std::string table;
  for (const Qcow2Snapshot& snapshot : snapshots) {
    std::string extra = snapshot.extra;
    // Version 3 demands both; of version 2 nobody minds.
    if (extra.size() < kExtraLength) extra.resize(kExtraLength);
    const Be64 vm_state_size = snapshot.vm_state_size, disk_size = snapshot.disk_size;
    extra.replace(kVmStateSizeAt, 8, as_text(struct_bytes(vm_state_size)));
    extra.replace(kDiskSizeAt, 8, as_text(struct_bytes(disk_size)));
    Qcow2SnapshotBytes bytes;
    bytes.l1_offset = snapshot.l1_offset;
    bytes.l1_size = snapshot.l1_size;
    bytes.id_length = static_cast<uint16_t>(snapshot.id.size());
    bytes.name_length = static_cast<uint16_t>(snapshot.name.size());
    bytes.seconds = snapshot.seconds;
    bytes.nanoseconds = snapshot.nanoseconds;
    bytes.vm_clock = snapshot.vm_clock;
    bytes.vm_state_size = static_cast<uint32_t>(snapshot.vm_state_size);
    bytes.extra_length = static_cast<uint32_t>(extra.size());
    table += as_text(struct_bytes(bytes));
    table += extra + snapshot.id + snapshot.name;
    table.resize(divide_round_up(table.size(), 8) * 8);
  }
  return table;
}

Result<size_t> find_snapshot(std::span<const Qcow2Snapshot> snapshots, const SnapshotName& wanted,
                             const std::string& image) {
  std::vector<size_t> found;
  for (size_t i = 0; i < snapshots.size(); ++i)
    if (snapshots[i].id == wanted.text || (!wanted.is_id && snapshots[i].name == wanted.text)) found.push_back(i);
  if (found.empty())
    return usage_error(image + ": has no checkpoint '" + wanted.text + "'").with_hint("hx-vdsk list shows them");
  if (found.size() == 1) return found.front();
  std::string ids;
  for (const size_t i : found) ids += " " + snapshots[i].id;
  return refused(image + ": several checkpoints are called '" + wanted.text + "'")
      .with_reason("ambiguous")
      .with_hint("--id tells them apart:" + ids);
}

}  // namespace hx
