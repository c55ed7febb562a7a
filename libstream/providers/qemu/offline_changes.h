#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "extent/extent.h"
#include "image/qcow2_bitmaps.h"

namespace hx {

// What changed in an image that no machine uses, by the bitmaps that are kept in it.
struct OfflineChanges {
  DiskInfo info;                     // its states and tokens
  std::vector<std::string> bitmaps;  // the changes are their union
};
// Errors as bitmaps_since(). No generation begins: the image is only read. So the change token names the same bitmaps
// again, with this state, and the next delta holds these changes, too.
Result<OfflineChanges> offline_changes(const std::string& path, const Qcow2Bitmaps&, const std::string& token);

}  // namespace hx
