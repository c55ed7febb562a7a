#include "snapshot/readable_parts.h"

#include <algorithm>

#include "base/checked_math.h"

namespace hx {
namespace {

constexpr uint64_t kSector = 4 * kKiB;

}  // namespace

Status ReadableParts::read_at(uint64_t offset, MutableByteSpan out) const {
  Status status = file_.read_at(offset, out);
  if (status || status.error().kind != ErrorKind::kSystem) return status;
  uint64_t middle = align_down(offset + out.size() / 2, kSector);
  if (middle <= offset) middle = align_down(offset, kSector) + kSector;
  if (middle >= offset + out.size()) {  // all of it in one sector
    std::ranges::fill(out, std::byte{});
    return {};
  }
  HX_TRY(read_at(offset, out.first(middle - offset)));
  return read_at(middle, out.subspan(middle - offset));
}

}  // namespace hx
