#pragma once
#include "extent/extent_list.h"

namespace hx {

// A map of a disk, seen on the grid of chunks: each chunk that holds any data, and runs of whole zero chunks between
// them.
class ChunkPlan {
 public:
  // map: tiles [0, size) with data and zero; outlives this object.
  ChunkPlan(const ExtentList& map, uint64_t size, uint32_t chunk_size);
  // In ascending order; nullopt at the end. kData: one chunk; kZero: a run.
  std::optional<MapEntry> next();

 private:
  const std::vector<MapEntry>& entries_;
  const uint64_t size_, chunk_size_;
  uint64_t position_ = 0;
  size_t entry_ = 0;  // the first one that ends behind position_
};

}  // namespace hx
