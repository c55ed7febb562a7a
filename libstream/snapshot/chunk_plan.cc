#include "snapshot/chunk_plan.h"

#include <algorithm>

#include "base/checked_math.h"

namespace hx {

ChunkPlan::ChunkPlan(const ExtentList& map, uint64_t size, uint32_t chunk_size)
    : entries_(map.entries()), size_(size), chunk_size_(chunk_size) {}

std::optional<MapEntry> ChunkPlan::next() {
  if (position_ >= size_) return std::nullopt;
  const uint64_t begin = position_;
  while (entry_ < entries_.size() && (entries_[entry_].end() <= begin || entries_[entry_].kind != Kind::kData))
    ++entry_;
  // The chunk in which the next data lies.
  const uint64_t data = entry_ < entries_.size() ? std::max(begin, entries_[entry_].offset) : size_;
  const uint64_t data_chunk = data == size_ ? size_ : align_down(data, chunk_size_);
  if (data_chunk > begin) {
    position_ = data_chunk;
    return MapEntry{begin, data_chunk - begin, Kind::kZero};
  }
  position_ = std::min(begin + chunk_size_, size_);
  return MapEntry{begin, position_ - begin, Kind::kData};
}

}  // namespace hx
