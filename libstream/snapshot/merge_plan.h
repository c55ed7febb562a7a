#pragma once
// Which layer has what of each chunk, when layers become one.

#include <deque>

#include "snapshot/chain.h"

namespace hx {

// One chunk, or a run of whole zero chunks.
struct MergeStep {
  enum class How : uint8_t {
    kCopy,  // `entry` of `layer` is all there is to say
    kZero,  // a run
    kPack,  // made of several, or of what is in no frame of its own
  };
  How how = How::kPack;
  Range extent;
  size_t layer = 0;
  FrameEntry entry = {};
  std::optional<Digest> result = {};  // kPack, into a delta: of the whole chunk, where it is known
};

// One thread. Holds a page of each layer.
class MergePlan {
 public:
  explicit MergePlan(const Chain&);
  // In ascending order; nullopt at the end. Into a delta what no layer says is left out.
  Result<std::optional<MergeStep>> next();

 private:
  // The newest layer that says anything of the chunk, and whether an older one may have more.
  Result<MergeStep> step_of(const Range& chunk);
  uint64_t end_of_run(size_t layer, uint64_t end) const;

  const Chain& chain_;
  const bool into_delta_;
  std::vector<EntryCursor> cursors_;  // of the layers that have an index: the last ones
  std::vector<const FrameEntry*> at_;
  uint64_t position_ = 0;
};

}  // namespace hx
