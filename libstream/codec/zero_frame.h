#pragma once
// A zstd frame whose content is zeros: run (RLE) blocks of 128 KiB, 4 bytes each, so 32,782 bytes a GiB. Made without
// the compressor; any zstd decoder reads it.

#include <vector>

#include "base/bytes.h"

namespace hx {

constexpr uint64_t kMaxZeroFrame = kGiB;  // content of one frame: at most this

// length: 1 to kMaxZeroFrame.
std::vector<std::byte> make_zero_frame(uint64_t length);
uint64_t zero_frame_size(uint64_t length);  // of make_zero_frame(length), in bytes
// Whether these bytes are make_zero_frame(length), without making it.
bool is_zero_frame(ByteSpan frame, uint64_t length);

}  // namespace hx
