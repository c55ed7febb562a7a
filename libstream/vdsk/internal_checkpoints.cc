#include "vdsk/internal_checkpoints.h"

#include <algorithm>
#include <charconv>

#include "vdsk/checkpoint_name.h"

namespace hx {
namespace {

Error not_sound(const std::string& name, const Qcow2Check& check) {
  return damaged(name + ": qcow2: " + check.findings.front())
      .with_reason("not-sound")
      .with_hint(check.broken == 0 ? "hx-vdsk verify --repair mends it"
                                   : "hx-vdsk verify tells all; nothing was changed");
}

// As QEMU: one above the largest number.
std::string next_id(const std::vector<Qcow2Snapshot>& snapshots) {
  uint64_t largest = 0;
  for (const Qcow2Snapshot& snapshot : snapshots) {
    uint64_t id = 0;
    const char* const end = snapshot.id.data() + snapshot.id.size();
    const auto [stop, error] = std::from_chars(snapshot.id.data(), end, id);
    if (error == std::errc() && stop == end && id < UINT64_MAX) largest = std::max(largest, id);
  }
  return std::to_string(largest + 1);
}

// No more entries than the disk needs: behind them lies what a VM's state left there.
std::vector<uint64_t> disk_part(const Qcow2Header& header, const std::vector<uint64_t>& l1, uint64_t disk_size) {
  std::vector<uint64_t> part(l1.begin(), l1.begin() + static_cast<ptrdiff_t>(header.l1_needed(disk_size)));
  if (part.empty()) part.push_back(0);
  return part;
}

Status add_checkpoint(const std::string& image, Qcow2Metadata& next, const std::string& name, Moment now) {
  HX_TRY(check_checkpoint_name(name));
  for (const Qcow2Snapshot& other : next.snapshots)
    if (other.name == name || other.id == name)
      return refused(image + ": has a checkpoint '" + name + "' already").with_reason("exists");
  const auto since = std::chrono::duration_cast<std::chrono::nanoseconds>(now.time_since_epoch()).count();
  Qcow2Snapshot snapshot;
  snapshot.id = next_id(next.snapshots);
  snapshot.name = name;
  snapshot.seconds = static_cast<uint32_t>(since / 1000000000);
  snapshot.nanoseconds = static_cast<uint32_t>(since % 1000000000);
  snapshot.disk_size = next.header.size;
  // VM state size and disk size, which are filled in; and no instruction count: -1.
  snapshot.extra = std::string(16, '\0') + std::string(8, '\xff');
  next.snapshot_l1s.push_back(disk_part(next.header, next.l1, next.header.size));
  snapshot.l1_size = static_cast<uint32_t>(next.snapshot_l1s.back().size());
  next.snapshots.push_back(std::move(snapshot));
  return {};
}

}  // namespace

Result<CheckedImage> read_sound_image(const RandomReader& file) {
  CheckedImage image;
  image.data = HX_TRY(read_qcow2_metadata(file));
  if (image.data.header.has(kQcow2DataFile))
    return unsupported(file.name() + ": has an external data file, and no checkpoints can be in such an image")
        .with_hint("hx-vdsk create --kind external");
  image.check = HX_TRY(check_qcow2(file, image.data));
  if (!image.check.is_sound()) return not_sound(file.name(), image.check);
  return image;
}

Result<Change> prepare_create(DiskFile& file, const std::string& name, Moment now) {
  CheckedImage image = HX_TRY(read_sound_image(file));
  Qcow2Metadata next = image.data;
  HX_TRY(add_checkpoint(file.name(), next, name, now));
  return Qcow2Change::prepare(file, std::move(image), std::move(next));
}

Result<Change> prepare_restore(DiskFile& file, const SnapshotName& name, const RestoreOptions& options) {
  CheckedImage image = HX_TRY(read_sound_image(file));
  if (!image.data.bitmaps.empty())
    return refused(file.name() + ": has dirty bitmaps, which would not know of the restore")
        .with_reason("bitmaps")
        .with_hint("qemu-img bitmap --remove " + file.name() + " NAME");
  Qcow2Metadata next = image.data;
  const size_t index = HX_TRY(find_snapshot(next.snapshots, name, file.name()));
  if (options.save_as) HX_TRY(add_checkpoint(file.name(), next, *options.save_as, options.now));
  next.header.size = next.snapshots[index].disk_size;
  next.header.l1_offset = 0;
  next.l1 = disk_part(next.header, next.snapshot_l1s[index], next.header.size);
  return Qcow2Change::prepare(file, std::move(image), std::move(next));
}

Result<Change> prepare_delete(DiskFile& file, const SnapshotName& name) {
  CheckedImage image = HX_TRY(read_sound_image(file));
  Qcow2Metadata next = image.data;
  const auto index = static_cast<ptrdiff_t>(HX_TRY(find_snapshot(next.snapshots, name, file.name())));
  next.snapshots.erase(next.snapshots.begin() + index);
  next.snapshot_l1s.erase(next.snapshot_l1s.begin() + index);
  return Qcow2Change::prepare(file, std::move(image), std::move(next));
}

Result<Change> prepare_repair(DiskFile& file, CheckedImage image) {
  if (image.check.broken > 0) return not_sound(file.name(), image.check);
  Qcow2Metadata next = image.data;
  // The table says each disk's size when it is written anew.
  for (Qcow2Snapshot& snapshot : next.snapshots)
    if (snapshot.extra.size() < 16 && next.header.version >= 3) snapshot.extra.resize(16);
  return Qcow2Change::prepare(file, std::move(image), std::move(next));
}

Result<std::vector<CheckpointEntry>> list_checkpoints(const RandomReader& file, const CheckedImage& image) {
  const Qcow2Header& header = image.data.header;
  std::vector<CheckpointEntry> entries;
  L2Table table;
  for (size_t i = 0; i < image.data.snapshots.size(); ++i) {
    // What it refers to as often as all do together is its own.
    L2Uses own;
    add_l2_uses(header, image.data.snapshot_l1s[i], false, own, [](const std::string&) {});
    ClusterCounts counts;
    uint64_t clusters = 0;
    for (const auto& [offset, use] : own) {
      if (image.check.l2s.at(offset).references != use.references) continue;  // so its children are not its own either
      ++clusters;
      HX_TRY(read_l2(file, header, offset, table));
      for (size_t k = 0; k < table.size(); ++k) {
        const Qcow2Cluster entry =
            decode_l2_entry(header, table.word(k), table.subclusters(k), use.guest + k * header.cluster_size());
        const ClusterRange range = clusters_of(header, entry);
        for (uint64_t cluster = range.first; cluster < range.end; ++cluster)
          HX_TRY_IN(file.name(), counts.add(cluster, use.references));
      }
    }
    ClusterCounts::for_each({&counts}, [&](uint64_t cluster) {
      clusters += counts.get(cluster) > 0 && counts.get(cluster) == image.check.counted.get(cluster);
    });
    entries.push_back({image.data.snapshots[i], clusters << header.cluster_bits});
  }
  return entries;
}

}  // namespace hx
