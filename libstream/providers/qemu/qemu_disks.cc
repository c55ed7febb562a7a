#include "providers/qemu/qemu_disks.h"

#include <algorithm>

#include "base/uuid.h"
#include "extent/delta_disk.h"
#include "providers/qemu/clear_runs.h"
#include "providers/qemu/machine.h"
#include "providers/qemu/point_in_time.h"

namespace hx {
namespace {

// An export of the point as a disk.
class QemuDisk : public DiskReader {
 public:
  QemuDisk(std::shared_ptr<PointInTime> point, std::shared_ptr<DiskReader> exported, DiskInfo info, std::string name)
      : point_(std::move(point)), exported_(std::move(exported)), info_(std::move(info)), name_(std::move(name)) {}

  const DiskInfo& info() const override { return info_; }
  const std::string& name() const override { return name_; }
  int readers() const override { return exported_->readers(); }
  uint64_t grain() const override { return exported_->grain(); }

  // Asked twice, and zero is what both say. QEMU looks at the overlay, which has nothing there, and then at the disk
  // itself; if the machine trims in between, the disk says zero where there was data. But by then the overlay has that
  // data, which the second answer knows.
  Result<ExtentList> map(uint64_t from, uint64_t to) const override {
    const ExtentList first = HX_TRY(exported_->map(from, to)), second = HX_TRY(exported_->map(from, to));
    const RangeSet zero = intersect(ranges_of(first, Kind::kZero), ranges_of(second, Kind::kZero));
    ExtentList list;
    for (const Range& range : zero) HX_TRY_IN(name_, list.append({range.offset, range.length, Kind::kZero}));
    if (from == to) return list;
    return fill_gaps(list, {{from, to - from}}, Kind::kData);
  }
  Status read_at(uint64_t offset, MutableByteSpan out) const override {
    Status read = exported_->read_at(offset, out);
    // Why the export went away is the better answer.
    if (!read) HX_TRY(point_->check());
    return read;
  }
  Status check_unchanged() const override { return point_->check(); }

 private:
  const std::shared_ptr<PointInTime> point_;  // goes after what reads it
  const std::shared_ptr<DiskReader> exported_;
  const DiskInfo info_;
  const std::string name_;
};

// A disk, and what is to be had of it.
struct Wanted {
  DiskAtPoint at;
  DiskInfo info;
};

DiskInfo info_of(const VmDisk& disk) {
  DiskInfo info;
  info.key = "disk0";
  info.name = to_leaf_name(disk.label);
  info.size = disk.size;
  info.state = make_uuid();
  return info;
}

// Where changes are tracked, the next generation begins with this point. Where that is broken it begins anew: what was
// lost is no matter for who has all from now on. (A delta was refused before it came here.)
void plan_next_point(Wanted& wanted) {
  const VmDisk& disk = wanted.at.disk;
  const auto all = generations_of(disk);
  if (all.empty() || disk.read_only) return;
  if (recording_generation(disk)) wanted.at.ends = all.back();
  wanted.at.begins = Generation{all.back().number + 1, wanted.info.state};
  wanted.at.granularity = std::ranges::find(disk.bitmaps, all.back().bitmap(), &DirtyBitmap::name)->granularity;
  wanted.info.change_token =
      format_token({disk.size, wanted.at.granularity, *wanted.at.begins, wanted.info.state, disk.label});
}

Wanted want_all(VmDisk disk, NextPoint next) {
  Wanted wanted;
  wanted.info = info_of(disk);
  wanted.at.disk = std::move(disk);
  if (next == NextPoint::kBegin) plan_next_point(wanted);
  return wanted;
}

// The disk that the token is of: it has the token's bitmap, or at least its name.
Result<Wanted> want_changes(const std::vector<VmDisk>& disks, const std::string& text, NextPoint next) {
  const QemuToken token = HX_TRY(parse_qemu_token(text));
  auto disk = std::ranges::find_if(disks, [&](const VmDisk& each) {
    const auto all = generations_of(each);
    return std::ranges::find(all, token.since) != all.end();
  });
  if (disk == disks.end()) disk = std::ranges::find(disks, token.disk, &VmDisk::label);
  if (disk == disks.end()) {
    if (disks.size() != 1)
      return Error{ErrorKind::kFullRequired, token.disk + ": bitmap " + token.since.bitmap() + ": is on no disk", "",
                   "bitmap-missing"};
    disk = disks.begin();
  }
  Wanted wanted;
  wanted.info = info_of(*disk);
  wanted.at.disk = *disk;
  wanted.at.changed = HX_TRY(bitmaps_since(token, *disk));
  wanted.info.kind = DiskKind::kDelta;
  wanted.info.parent_state = token.state;
  wanted.info.parent_change_token = text;
  if (next == NextPoint::kBegin) plan_next_point(wanted);
  return wanted;
}

Result<std::vector<Wanted>> plan(std::vector<VmDisk> disks, const TrackingOptions& options) {
  std::vector<Wanted> all;
  if (options.since.empty()) {
    for (VmDisk& disk : disks) all.push_back(want_all(std::move(disk), options.next));
    return all;
  }
  for (const std::string& token : options.since) {
    Wanted wanted = HX_TRY(want_changes(disks, token, options.next));
    for (const Wanted& other : all)
      if (other.at.disk.node == wanted.at.disk.node)
        return usage_error(wanted.at.disk.label + ": two change tokens are of this disk");
    all.push_back(std::move(wanted));
  }
  return all;
}

// Nobody needs what only leads to older points than that of a sealed snapshot, or was never saved. One that stays does
// no harm.
void drop_useless(QmpClient& qemu, const Wanted& wanted, bool since_is_sealed) {
  uint64_t oldest = 0;
  if (since_is_sealed && !wanted.at.changed.empty()) oldest = Generation::of_bitmap(wanted.at.changed.front())->number;
  for (const DirtyBitmap& bitmap : wanted.at.disk.bitmaps) {
    const auto generation = Generation::of_bitmap(bitmap.name);
    if (generation && (generation->number < oldest || bitmap.inconsistent))
      (void)qemu.execute("block-dirty-bitmap-remove", {{"node", wanted.at.disk.node}, {"name", bitmap.name}});
  }
}

}  // namespace

Result<std::vector<std::shared_ptr<DiskReader>>> open_qemu_disks(const std::string& location,
                                                                 const TrackingOptions& options,
                                                                 const OpenExport& open) {
  Machine machine = HX_TRY(Machine::open(location));
  std::vector<Wanted> wanted = HX_TRY_IN(location, plan(std::move(machine.disks), options));
  std::vector<DiskAtPoint> at;
  for (const Wanted& each : wanted) at.push_back(each.at);
  PointOptions point_options;
  point_options.nbd_server = machine.location.nbd;
  point_options.agent_socket = machine.location.agent;
  const auto point = HX_TRY_IN(location, PointInTime::take(machine.qemu, std::move(at), point_options));
  std::vector<std::shared_ptr<DiskReader>> readers;
  for (size_t i = 0; i < wanted.size(); ++i) {
    const bool is_delta = !wanted[i].at.changed.empty();
    if (options.next == NextPoint::kBegin) drop_useless(*machine.qemu, wanted[i], options.since_is_sealed);
    const std::string name = "qemu:" + machine.location.monitor + "#" + wanted[i].at.disk.label;
    auto opened = HX_TRY_IN(name, open(point->nbd_uri(i), is_delta ? PointInTime::kChangedBitmap : ""));
    if (opened.reader->info().size != wanted[i].info.size)
      return source_changed(name + ": its size changed").with_reason("size-changed");
    const DiskInfo info = wanted[i].info;
    std::shared_ptr<DiskReader> disk = std::make_shared<QemuDisk>(point, std::move(opened.reader), info, name);
    readers.push_back(is_delta ? delta_of(std::move(disk), opened.dirty, info) : std::move(disk));
  }
  return readers;
}

}  // namespace hx
