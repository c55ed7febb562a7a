#pragma once
// The outside of zstd frames (RFC 8878, section 3.1): where one ends, and what it says of its content, without
// decoding.

#include <functional>
#include <optional>
#include <vector>

#include "io/buffered_reader.h"

namespace hx {

constexpr uint32_t kZstdMagic = 0xFD2FB528;
constexpr uint32_t kSkippableMagicFirst = 0x184D2A50, kSkippableMagicLast = 0x184D2A5F;
constexpr uint32_t kMaxBlockSize = 128 * kKiB;
constexpr size_t kSkippableHeaderSize = 8;  // u32 magic, u32 content size

inline bool is_skippable(uint32_t magic) { return magic >= kSkippableMagicFirst && magic <= kSkippableMagicLast; }

struct ZstdFrame {
  uint32_t magic = 0;                    // kZstdMagic, or of a skippable frame
  std::optional<uint64_t> content_size;  // what the frame's header says; of a skippable frame 0
  bool only_zero_runs = false;           // every block is a run (RLE) of zero bytes
};

// Reads exactly one frame, whole, into `bytes` (replaced). nullopt: the input is at its end. kDamaged: not a frame, cut
// short, or longer than max_size allows for its magic; the message names the input and the offset.
using MaxFrameSize = std::function<uint64_t(uint32_t magic)>;
Result<std::optional<ZstdFrame>> read_frame(BufferedReader&, std::vector<std::byte>& bytes,
                                            const MaxFrameSize& max_size);

}  // namespace hx
