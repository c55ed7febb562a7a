#include "checkpoint/durable_ranges.h"

#include <algorithm>

namespace hx {

void DurableRanges::add(uint64_t begin, uint64_t end) {
  if (begin >= end) return;
  auto at = ends_.upper_bound(begin);
  if (at != ends_.begin() && std::prev(at)->second >= begin) --at;
  while (at != ends_.end() && at->first <= end) {
    begin = std::min(begin, at->first);
    end = std::max(end, at->second);
    at = ends_.erase(at);
  }
  ends_.emplace_hint(at, begin, end);
}

void DurableRanges::add(const DurableRanges& other) {
  for (const auto& [begin, end] : other.ends_) add(begin, end);
}

bool DurableRanges::contains(uint64_t begin, uint64_t end) const {
  if (begin >= end) return true;
  const auto after = ends_.upper_bound(begin);
  return after != ends_.begin() && std::prev(after)->second >= end;
}

uint64_t DurableRanges::bytes() const {
  uint64_t sum = 0;
  for (const auto& [begin, end] : ends_) sum += end - begin;
  return sum;
}

uint64_t DurableRanges::prefix_end() const {
  return ends_.empty() || ends_.begin()->first != 0 ? 0 : ends_.begin()->second;
}

uint64_t DurableRanges::end() const { return ends_.empty() ? 0 : ends_.rbegin()->second; }

std::vector<ByteInterval> DurableRanges::intervals() const {
  std::vector<ByteInterval> list;
  for (const auto& [begin, end] : ends_) list.push_back({begin, end});
  return list;
}

std::vector<ByteInterval> DurableRanges::missing(uint64_t begin, uint64_t end) const {
  std::vector<ByteInterval> list;
  auto at = ends_.upper_bound(begin);
  if (at != ends_.begin()) begin = std::max(begin, std::prev(at)->second);
  for (; at != ends_.end() && at->first < end; ++at) {
    if (at->first > begin) list.push_back({begin, at->first});
    begin = at->second;
  }
  if (begin < end) list.push_back({begin, end});
  return list;
}

}  // namespace hx
