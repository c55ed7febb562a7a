#pragma once
#include <algorithm>

#include "base/bytes.h"

namespace hx {

// Hands out bytes in pieces, each while the next one is on its way from memory. SHA-256 waits for its own result all
// the time, and what is not in cache yet comes on top of that: the processor does not look far enough ahead, least of
// all beyond a page. Measured with 512 MiB that another core has written: 0.89 ns a byte without, 0.59 with, 0.51 from
// the cache. Pieces of 16 KiB gain less.
template <class Use>
void each_prefetched(ByteSpan bytes, Use&& use) {
  constexpr size_t kPiece = 4096, kCacheLine = 64;
  while (!bytes.empty()) {
    const ByteSpan piece = bytes.first(std::min(bytes.size(), kPiece));
    bytes = bytes.subspan(piece.size());
    const ByteSpan next = bytes.first(std::min(bytes.size(), kPiece));
    for (size_t i = 0; i < next.size(); i += kCacheLine) __builtin_prefetch(next.data() + i);
    use(piece);
  }
}

}  // namespace hx
