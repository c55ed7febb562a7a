#include "snapshot/merge_plan.h"

#include <algorithm>

#include "base/checked_math.h"

namespace hx {

MergePlan::MergePlan(const Chain& chain) : chain_(chain), into_delta_(chain.info().kind == DiskKind::kDelta) {
  for (const ChainLayer& layer : chain.layers())
    if (layer.snapshot) cursors_.emplace_back(layer.snapshot);
  at_.resize(cursors_.size());
}

Result<std::optional<MergeStep>> MergePlan::next() {
  const uint64_t size = chain_.info().size;
  if (position_ >= size) return std::optional<MergeStep>();
  uint64_t nearest = size;  // what any layer says next
  for (size_t i = 0; i < cursors_.size(); ++i) {
    at_[i] = HX_TRY(cursors_[i].at_or_behind(position_));
    if (at_[i]) nearest = std::min(nearest, at_[i]->extent.offset);
  }
  if (into_delta_ && nearest >= size) return std::optional<MergeStep>();
  if (into_delta_) position_ = std::max(position_, align_down(nearest, chain_.chunk_size()));
  MergeStep step = HX_TRY(step_of(chain_.chunk_at(position_)));
  position_ = step.how == MergeStep::How::kZero ? step.extent.end() : chain_.chunk_at(position_).end();
  return std::optional(std::move(step));
}

Result<MergeStep> MergePlan::step_of(const Range& chunk) {
  const size_t without_index = chain_.layers().size() - cursors_.size();
  MergeStep step;
  step.extent = chunk;
  size_t touching = 0, newest = 0;
  for (size_t i = cursors_.size(); i-- > 0;) {
    if (!at_[i] || at_[i]->extent.offset >= chunk.end()) continue;
    if (touching++ == 0) newest = i;
  }
  if (touching == 0) return step;  // only a base without an index has it
  const FrameEntry& entry = *at_[newest];
  const IndexShape shape = cursors_[newest].snapshot().shape();
  step.layer = newest + without_index;
  if (is_whole(entry, shape) && entry.kind == Kind::kZero) {
    step.how = MergeStep::How::kZero;
    step.extent = {chunk.offset, end_of_run(newest, entry.extent.end()) - chunk.offset};
    return step;
  }
  const bool is_all = is_whole(entry, shape) || (into_delta_ && touching == 1);
  if (is_all) {
    step.how = MergeStep::How::kCopy;
    step.entry = entry;
  }
  step.result = entry.result;
  return step;
}

// A run of zeros ends where a newer layer says something else.
uint64_t MergePlan::end_of_run(size_t layer, uint64_t end) const {
  for (size_t i = layer + 1; i < at_.size(); ++i)
    if (at_[i]) end = std::min(end, align_down(at_[i]->extent.offset, chain_.chunk_size()));
  return end;
}

}  // namespace hx
