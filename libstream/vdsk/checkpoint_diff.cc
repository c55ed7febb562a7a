#include <algorithm>

#include "base/checked_math.h"
#include "extent/extent_algebra.h"
#include "image/qcow2_disk.h"
#include "vdsk/internal_checkpoints.h"

namespace hx {
namespace {

// One state of the disk.
struct DiskState {
  std::vector<uint64_t> l1;
  uint64_t size = 0;
};

Result<DiskState> state_of(const Qcow2Metadata& data, const std::optional<SnapshotName>& name,
                           const std::string& image) {
  if (!name) return DiskState{data.l1, data.header.size};
  const size_t index = HX_TRY(find_snapshot(data.snapshots, *name, image));
  return DiskState{data.snapshot_l1s[index], data.snapshots[index].disk_size};
}

class Comparison {
 public:
  Comparison(const RandomReader& file, const Qcow2Header& header, DiskState from, DiskState to)
      : file_(file), header_(header), from_(std::move(from)), to_(std::move(to)) {}

  Result<RangeSet> changed() {
    for (uint64_t i = 0; i < header_.l1_needed(to_.size); ++i) {
      const uint64_t before = HX_TRY(l2_at(from_, i)), after = HX_TRY(l2_at(to_, i));
      // One table for both: nothing of it was written.
      if (before != after) HX_TRY(compare_tables(before, after, i * header_.l2_covers()));
    }
    if (from_.size < to_.size) add(from_.size, to_.size);
    return to_range_set(changed_);
  }

 private:
  Result<uint64_t> l2_at(const DiskState& state, uint64_t index) const {
    if (index >= header_.l1_needed(state.size)) return uint64_t{0};
    return l2_offset_of(header_, state.l1[index]);
  }

  Status read(uint64_t offset, L2Table& table) const {
    if (offset != 0) return read_l2(file_, header_, offset, table);
    table.words_per_entry = header_.l2_entry_size() / 8;
    table.words.assign(header_.cluster_size() / 8, 0);
    return {};
  }

  Status compare_tables(uint64_t before, uint64_t after, uint64_t guest) {
    HX_TRY(read(before, before_));
    HX_TRY(read(after, after_));
    for (size_t i = 0; i < after_.size(); ++i, guest += header_.cluster_size())
      if (content_of(before_, i) != content_of(after_, i) || before_.subclusters(i) != after_.subclusters(i))
        add(guest, guest + header_.cluster_size());
    return {};
  }

  // What an entry says of content: not who else refers to it; and without a backing file nothing is zeros.
  uint64_t content_of(const L2Table& table, size_t entry) const {
    const uint64_t word = table.word(entry) & ~kQcow2Copied;
    const bool is_zero = (word & kQcow2Compressed) == 0 && (word & kQcow2Zero) != 0;
    if (is_zero) return header_.backing_name.empty() ? 0 : kQcow2Zero;
    return word;
  }

  void add(uint64_t begin, uint64_t end) {
    end = std::min(end, to_.size);
    if (begin < end) changed_.push_back({begin, end - begin});
  }

  const RandomReader& file_;
  const Qcow2Header& header_;
  const DiskState from_, to_;
  L2Table before_, after_;
  std::vector<Range> changed_;
};

}  // namespace

Result<ExtentList> diff_checkpoints(const RandomReader& file, const Qcow2Metadata& data,
                                    const std::optional<SnapshotName>& from, const std::optional<SnapshotName>& to) {
  DiskState before = HX_TRY(state_of(data, from, file.name())), after = HX_TRY(state_of(data, to, file.name()));
  const uint64_t size = after.size;
  const RangeSet changed = HX_TRY(Comparison(file, data.header, std::move(before), std::move(after)).changed());
  const std::shared_ptr<const RandomReader> unowned(std::shared_ptr<void>(), &file);
  const auto disk = HX_TRY(open_qcow2_disk(unowned, {.data_file = {}, .snapshot = to}));
  ExtentList list;
  uint64_t at = 0;
  for (const Range& range : changed) {
    if (at < range.offset) HX_TRY(list.append({at, range.offset - at, Kind::kAbsent}));
    const ExtentList map = HX_TRY(disk->map(range.offset, range.end()));
    // What the backing file has must be read.
    for (const MapEntry& entry : map.entries())
      HX_TRY(list.append({entry.offset, entry.length, entry.kind == Kind::kZero ? Kind::kZero : Kind::kData}));
    at = range.end();
  }
  if (at < size) HX_TRY(list.append({at, size - at, Kind::kAbsent}));
  return list;
}

}  // namespace hx
