#include "extent/placed_data.h"

#include "extent/zero_detector.h"
#include "io/fd_io.h"

namespace hx {

Status PlacedData::put(const Extent& extent) {
  for (const MapEntry& entry : find_zeros(extent.offset, extent.data.bytes())) {
    if (entry.kind == Kind::kZero) {
      HX_TRY(put_zeros_(entry.offset, entry.length));
      continue;
    }
    HX_TRY(
        pwrite_fd(fd_, name_, entry.offset, extent.data.bytes().subspan(entry.offset - extent.offset, entry.length)));
    written_ += entry.length;
    writeback_.wrote(entry.offset, entry.length);
  }
  return {};
}

}  // namespace hx
