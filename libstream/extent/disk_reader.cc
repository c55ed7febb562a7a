#include "extent/disk_reader.h"

#include "extent/extent_algebra.h"

namespace hx {

Result<DiskInfo> info_of_part(const DiskReader& reader, const ExtentList& what) {
  DiskInfo info = reader.info();
  RangeSet covered = ranges_of(what);
  if (covered == to_range_set(std::vector<Range>{{0, info.size}})) {
    info.ranges.clear();
    return info;
  }
  if (covered.empty()) return usage_error(reader.name() + ": nothing of it is to be read");
  if (info.kind == DiskKind::kFull) info.kind = DiskKind::kPart;
  info.ranges = std::move(covered);
  return info;
}

}  // namespace hx
