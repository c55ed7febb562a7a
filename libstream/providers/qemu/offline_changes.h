#pragma once
#include <string>

#include "extent/extent_algebra.h"
#include "io/byte_io.h"

namespace hx {

// What changed in an image that no machine uses, by the bitmaps that are kept in it.
struct OfflineChanges {
  DiskInfo info;  // its states and tokens
  RangeSet changed;
};
// Errors as bitmaps_since(). No generation begins: the image is only read. So the change token names the same bitmaps
// again, with this state, and the next delta holds these changes, too.
// kDamaged and kUnsupported: as image/qcow2_bitmaps.h. file: a qcow2.
Result<OfflineChanges> offline_changes(const RandomReader& file, const std::string& token);

}  // namespace hx
