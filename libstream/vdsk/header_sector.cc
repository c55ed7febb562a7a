#include "vdsk/header_sector.h"

#include <algorithm>
#include <cstddef>

#include "base/checked_math.h"

namespace hx {
namespace {

template <class T>
void put(std::vector<std::byte>& bytes, size_t at, T value) {
  std::ranges::copy(struct_bytes(value), bytes.begin() + static_cast<ptrdiff_t>(at));
}

void put_tables(std::vector<std::byte>& sector, const Qcow2Header& header) {
  put(sector, offsetof(Qcow2HeaderBytes, size), Be64(header.size));
  put(sector, offsetof(Qcow2HeaderBytes, l1_size), Be32(header.l1_size));
  put(sector, offsetof(Qcow2HeaderBytes, l1_offset), Be64(header.l1_offset));
  put(sector, offsetof(Qcow2HeaderBytes, reftable_offset), Be64(header.reftable_offset));
  put(sector, offsetof(Qcow2HeaderBytes, reftable_clusters), Be32(header.reftable_clusters));
  put(sector, offsetof(Qcow2HeaderBytes, snapshot_count), Be32(header.snapshot_count));
  put(sector, offsetof(Qcow2HeaderBytes, snapshots_offset), Be64(header.snapshots_offset));
  if (header.version < 3) return;
  // The counts are right now; and who writes clears what of autoclear he does not know.
  put(sector, offsetof(Qcow2HeaderBytes, incompatible), Be64(header.incompatible & ~kQcow2Dirty));
  put(sector, offsetof(Qcow2HeaderBytes, autoclear), Be64(header.autoclear & kQcow2KnownAutoclear));
}

Status put_extensions(const RandomReader& file, const Qcow2Header& now, const std::string& backing_format,
                      std::string& to) {
  const auto add = [&](uint32_t type, std::string_view data) {
    Qcow2ExtensionBytes head;
    head.type = type;
    head.length = static_cast<uint32_t>(data.size());
    to += as_text(struct_bytes(head));
    to += data;
    to.resize(divide_round_up(to.size(), 8) * 8);
  };
  if (!backing_format.empty()) add(kQcow2BackingFormat, backing_format);
  for (const Qcow2Extension& extension : now.extensions) {
    if (extension.type == kQcow2BackingFormat || extension.type == kQcow2FeatureNames) continue;
    if (extension.length > kHeaderSectorSize)
      return unsupported(file.name() + ": has a header extension of " + std::to_string(extension.length) + " bytes");
    std::string data(extension.length, '\0');
    HX_TRY(file.read_at(extension.offset, std::as_writable_bytes(std::span(data))));
    add(extension.type, data);
  }
  add(kQcow2EndOfExtensions, "");
  return {};
}

// Behind the sector, in the same cluster, where the present name is not: that must stay until the flip.
Result<uint64_t> free_place(const RandomReader& file, const Qcow2Header& now, uint64_t length) {
  const uint64_t old_begin = now.backing_offset, old_end = now.backing_offset + now.backing_name.size();
  uint64_t at = kHeaderSectorSize;
  if (at < old_end && old_begin < at + length) at = divide_round_up(old_end, 8) * 8;
  if (fits_within(at, length, now.cluster_size())) return at;
  return unsupported(file.name() + ": the name of its backing file is too long for its first cluster");
}

}  // namespace

Result<HeaderSector> header_sector(const RandomReader& file, const Qcow2Header& now, const Qcow2Header& next) {
  HeaderSector sector;
  sector.bytes.resize(kHeaderSectorSize);
  HX_TRY(file.read_at(0, sector.bytes));
  put_tables(sector.bytes, next);
  if (now.backing_name == next.backing_name && now.backing_format == next.backing_format) return sector;

  std::string extensions;
  HX_TRY(put_extensions(file, now, next.backing_name.empty() ? "" : next.backing_format, extensions));
  const uint64_t end = now.header_length + extensions.size();
  if (end > kHeaderSectorSize) return unsupported(file.name() + ": its header's extensions do not fit in 512 bytes");
  std::fill(sector.bytes.begin() + static_cast<ptrdiff_t>(now.header_length), sector.bytes.end(), std::byte{0});
  std::ranges::copy(as_bytes(extensions), sector.bytes.begin() + static_cast<ptrdiff_t>(now.header_length));
  uint64_t offset = next.backing_name.empty() ? 0 : end;
  if (end + next.backing_name.size() > kHeaderSectorSize) {
    offset = HX_TRY(free_place(file, now, next.backing_name.size()));
    sector.name_offset = offset;
    sector.name = next.backing_name;
  } else {
    std::ranges::copy(as_bytes(next.backing_name), sector.bytes.begin() + static_cast<ptrdiff_t>(end));
  }
  put(sector.bytes, offsetof(Qcow2HeaderBytes, backing_offset), Be64(offset));
  put(sector.bytes, offsetof(Qcow2HeaderBytes, backing_length), Be32(static_cast<uint32_t>(next.backing_name.size())));
  return sector;
}

}  // namespace hx
