#include "extent/coverage.h"

#include <algorithm>

#include "extent/stream_format.h"

namespace hx {

Coverage::Coverage(const DiskInfo& info) : size_is_known_(info.size != kUnknownSize) {
  const uint64_t begin = info.resume ? info.resume->from : 0;
  const std::vector<Range> whole = {{begin, (size_is_known_ ? info.size : kMaxDiskSize) - begin}};
  ranges_ =
      to_range_set(info.ranges.empty() ? whole : info.ranges);  // neighbours joined: an extent may cross their border
}

std::optional<Range> Coverage::next_uncovered() const {
  if (current_ == ranges_.size()) return std::nullopt;
  const uint64_t begin = std::max(position_, ranges_[current_].offset);
  return Range{begin, ranges_[current_].end() - begin};
}

Status Coverage::cover(uint64_t offset, uint64_t length) {
  if (length == 0) return damaged("is empty");
  if (offset < position_) return damaged("begins before " + std::to_string(position_) + ", the end of the last extent");
  const std::optional<Range> due = next_uncovered();
  if (!due) return damaged("lies behind all that the disk covers");
  if (offset < due->offset) return damaged("lies outside the disk's ranges");
  if (offset > due->offset)
    return damaged("leaves bytes " + std::to_string(due->offset) + " to " + std::to_string(offset) + " uncovered");
  if (length > due->length)
    return damaged("reaches beyond " + std::to_string(due->end()) + ", the end of what is covered");
  position_ = offset + length;
  if (position_ == ranges_[current_].end()) ++current_;
  return {};
}

Status Coverage::finish(uint64_t size) const {
  if (!size_is_known_) {
    if (position_ != size)
      return damaged("the disk's size is said to be " + std::to_string(size) + ", but its extents end at " +
                     std::to_string(position_));
    return {};
  }
  if (const auto due = next_uncovered())
    return damaged("the disk ends, but bytes " + std::to_string(due->offset) + " to " + std::to_string(due->end()) +
                   " are not covered");
  return {};
}

}  // namespace hx
