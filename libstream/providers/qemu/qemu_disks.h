#pragma once
// The disks of a running machine, read at one point in time: QEMU or qemu-storage-daemon, over QMP and NBD.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "extent/disk_reader.h"
#include "extent/extent_algebra.h"
#include "providers/change_tracking.h"

namespace hx {

// An NBD export as the NBD provider opens it; with the ranges that this dirty bitmap names, unless it is "".
struct OpenedExport {
  std::shared_ptr<DiskReader> reader;
  RangeSet dirty;
};
using OpenExport = std::function<Result<OpenedExport>(const std::string& uri, const std::string& bitmap)>;

// Errors: as QmpClient::connect(), bitmaps_since() and PointInTime::take(); kUsage: no such device, or no disk at all.
// First removes what dead runs of ours left. The readers hold the point, which ends with the last of them; their
// check_unchanged() is PointInTime::check(). info(): the device's name; state a new uuid; of a tracked disk the
// change_token; of a delta parent_state and parent_change_token too, and its map() is absent where nothing changed.
Result<std::vector<std::shared_ptr<DiskReader>>> open_qemu_disks(const std::string& location, const TrackingOptions&,
                                                                 const OpenExport&);

}  // namespace hx
