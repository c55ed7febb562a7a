#pragma once
#include <memory>

#include "extent/disk_reader.h"
#include "extent/extent_algebra.h"

namespace hx {

// Of a disk only what changed, as a delta: map() says absent elsewhere. info: with the states and tokens; its kind
// becomes delta, its size must be the disk's. What of `changed` lies beyond the end of the disk is left out.
std::shared_ptr<DiskReader> delta_of(std::shared_ptr<DiskReader>, const RangeSet& changed, DiskInfo info);

}  // namespace hx
