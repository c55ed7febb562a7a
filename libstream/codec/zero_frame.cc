#include "codec/zero_frame.h"

#include <algorithm>

#include "base/checked_math.h"
#include "base/endian.h"
#include "codec/zstd_frame.h"

namespace hx {
namespace {

struct FrameHeader {
  Le32 magic = kZstdMagic;
  uint8_t descriptor = 0xC0;  // 8-byte content size, a window descriptor, no checksum, no dictionary
  uint8_t window = 7 << 3;    // 128 KiB
  Le64 content_size;
};
static_assert(sizeof(FrameHeader) == 14);
constexpr uint64_t kRunBlockSize = 4;  // 3 of header, 1 of content

}  // namespace

uint64_t zero_frame_size(uint64_t length) {
  return sizeof(FrameHeader) + kRunBlockSize * divide_round_up(length, kMaxBlockSize);
}

std::vector<std::byte> make_zero_frame(uint64_t length) {
  std::vector<std::byte> frame;
  frame.reserve(zero_frame_size(length));
  FrameHeader header;
  header.content_size = length;
  std::ranges::copy(struct_bytes(header), std::back_inserter(frame));
  while (length > 0) {
    const uint32_t size = static_cast<uint32_t>(std::min<uint64_t>(length, kMaxBlockSize));
    length -= size;
    const uint32_t bits = size << 3 | 1 << 1 | (length == 0);
    for (int shift : {0, 8, 16}) frame.push_back(static_cast<std::byte>(bits >> shift));
    frame.push_back(std::byte{0});
  }
  return frame;
}

}  // namespace hx
