#pragma once
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace hx {

// Which level a snapshot was packed with: no index has it, but a frame made anew must be the same byte for byte.
// Learned from frames that are good. Of another version of zstd no level may fit.
class FrameLevel {
 public:
  FrameLevel();
  bool is_sure() const { return levels_.size() == 1; }
  // Rules out the levels that do not make this frame of this content.
  Status learn(ByteSpan frame, ByteSpan content);
  // The frame that this content had, if the level is right: whoever has its checksum sees.
  Result<std::vector<std::byte>> compress(ByteSpan content) const;

 private:
  std::vector<int> levels_;  // that fit so far, the likely ones first
};

}  // namespace hx
