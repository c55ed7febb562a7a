#include "snapshot/frame_level.h"

#include <algorithm>

#include "codec/zstd_codec.h"

namespace hx {
namespace {

Result<std::vector<std::byte>> compressed(ByteSpan content, int level) {
  std::vector<std::byte> frame(max_frame_size(content.size()));
  ZstdCompressor compressor(level);
  frame.resize(HX_TRY(compressor.compress(content, frame)));
  return frame;
}

}  // namespace

FrameLevel::FrameLevel() {
  levels_ = {3};  // the default of hx-snap-pack
  for (int level = kMinLevel; level <= kMaxLevel; ++level)
    if (level != 3) levels_.push_back(level);
}

// Most frames that one level makes no other makes, so that the first one that fits is the right one nearly always: the
// slow levels are tried only where no other fits.
Status FrameLevel::learn(ByteSpan frame, ByteSpan content) {
  std::vector<int> fitting;
  for (const int level : levels_) {
    const auto made = HX_TRY(compressed(content, level));
    if (std::ranges::equal(made, frame)) fitting.push_back(level);
    if (level == 12 && !fitting.empty()) break;
  }
  if (!fitting.empty()) levels_ = std::move(fitting);  // else it was the frame: damage may do no harm to the content
  return {};
}

Result<std::vector<std::byte>> FrameLevel::compress(ByteSpan content) const {
  return compressed(content, levels_.front());
}

}  // namespace hx
