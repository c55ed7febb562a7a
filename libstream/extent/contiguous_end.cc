#include "extent/contiguous_end.h"

#include <algorithm>

#include "extent/extent_algebra.h"

namespace hx {

void ContiguousEnd::start(const DiskInfo& info) {
  if (info.ranges.empty() || info.size == kUnknownSize) return;
  for (const Range& outside : subtract({{0, info.size}}, to_range_set(info.ranges)))
    done(outside.offset, outside.length);
}

void ContiguousEnd::done(uint64_t offset, uint64_t length) {
  std::lock_guard lock(mutex_);
  uint64_t begin = offset, end = offset + length;
  if (begin > end_) {
    // Islands that touch become one, so that an ascending source makes one entry of everything behind a gap.
    auto next = islands_.lower_bound(begin);
    if (next != islands_.begin() && std::prev(next)->second >= begin) {
      --next;
      begin = next->first;
    }
    while (next != islands_.end() && next->first <= end) {
      end = std::max(end, next->second);
      next = islands_.erase(next);
    }
    islands_[begin] = end;
    return;
  }
  end_ = std::max(end_, end);
  while (!islands_.empty() && islands_.begin()->first <= end_) {
    end_ = std::max(end_, islands_.begin()->second);
    islands_.erase(islands_.begin());
  }
}

uint64_t ContiguousEnd::get() const {
  std::lock_guard lock(mutex_);
  return end_;
}

}  // namespace hx
