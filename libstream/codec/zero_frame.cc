#include "codec/zero_frame.h"

#include <algorithm>
#include <cstring>

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

FrameHeader header_of(uint64_t length) {
  FrameHeader header;
  header.content_size = length;
  return header;
}
// The block with which the last `left` bytes begin: 3 bytes of header, 1 of content.
Le32 block_of(uint64_t left) {
  const uint32_t size = static_cast<uint32_t>(std::min<uint64_t>(left, kMaxBlockSize));
  return size << 3 | 1 << 1 | (left == size);
}

}  // namespace

uint64_t zero_frame_size(uint64_t length) {
  return sizeof(FrameHeader) + sizeof(Le32) * divide_round_up(length, kMaxBlockSize);
}

std::vector<std::byte> make_zero_frame(uint64_t length) {
  std::vector<std::byte> frame(zero_frame_size(length));
  const FrameHeader header = header_of(length);
  std::memcpy(frame.data(), &header, sizeof header);
  for (size_t at = sizeof header; at < frame.size(); at += sizeof(Le32)) {
    const Le32 block = block_of(length);
    std::memcpy(frame.data() + at, &block, sizeof block);
    length -= std::min<uint64_t>(length, kMaxBlockSize);
  }
  return frame;
}

bool is_zero_frame(ByteSpan frame, uint64_t length) {
  const FrameHeader header = header_of(length);
  if (frame.size() != zero_frame_size(length) || std::memcmp(frame.data(), &header, sizeof header) != 0) return false;
  for (frame = frame.subspan(sizeof header); !frame.empty(); frame = frame.subspan(sizeof(Le32))) {
    if (load_struct<Le32>(frame) != static_cast<uint32_t>(block_of(length))) return false;
    length -= std::min<uint64_t>(length, kMaxBlockSize);
  }
  return true;
}

}  // namespace hx
