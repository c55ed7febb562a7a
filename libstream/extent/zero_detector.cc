#include "extent/zero_detector.h"

#include <algorithm>

#include "base/checked_math.h"
#include "base/is_zero.h"

namespace hx {
namespace {

void add(std::vector<MapEntry>& out, uint64_t begin, uint64_t end, Kind kind) {
  if (begin < end) out.push_back({begin, end - begin, kind});
}

}  // namespace

std::vector<MapEntry> find_zeros(uint64_t offset, ByteSpan bytes) {
  std::vector<MapEntry> out;
  const uint64_t end = offset + bytes.size();
  uint64_t data_begin = offset;  // not yet told
  uint64_t run_begin = offset;   // of the zeros before `at`
  for (uint64_t at = offset; at < end;) {
    const uint64_t next = std::min(end, align_down(at, kZeroGrid) + kZeroGrid);
    if (!is_zero(bytes.subspan(at - offset, next - at))) {
      if (at - run_begin >= kMinZeroRun) {
        add(out, data_begin, run_begin, Kind::kData);
        add(out, run_begin, at, Kind::kZero);
        data_begin = at;
      }
      run_begin = next;
    }
    at = next;
  }
  if (end - run_begin < kMinZeroRun && run_begin != offset) run_begin = end;  // a short tail of zeros is data
  add(out, data_begin, run_begin, Kind::kData);
  add(out, run_begin, end, Kind::kZero);
  return out;
}

void split_zeros(Extent extent, std::vector<Extent>& out) {
  if (extent.kind != Kind::kData) {
    out.push_back(std::move(extent));
    return;
  }
  for (const MapEntry& entry : find_zeros(extent.offset, extent.data.bytes())) {
    Extent piece{entry.offset, entry.length, entry.kind, {}};
    if (entry.kind == Kind::kData) {
      const uint64_t skip = entry.offset - extent.offset;
      piece.data = extent.data.slice(skip, entry.length);
      if (extent.place.fd >= 0) piece.place = {extent.place.fd, extent.place.offset + skip};
    }
    out.push_back(std::move(piece));
  }
}

}  // namespace hx
