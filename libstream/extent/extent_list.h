#pragma once
// What a map of a disk is: extents without data, in order.

#include <vector>

#include "base/result.h"
#include "extent/extent.h"

namespace hx {

struct MapEntry {
  uint64_t offset = 0, length = 0;
  Kind kind = Kind::kZero;
  uint64_t end() const { return offset + length; }
  bool operator==(const MapEntry&) const = default;
};

// Ascending, not overlapping, neighbours of one kind joined, no empty entries: append() keeps it so.
class ExtentList {
 public:
  // kDamaged if the entry is empty, overflows, or begins before the end of the last one. Joins with the last one.
  Status append(MapEntry);
  const std::vector<MapEntry>& entries() const& { return entries_; }
  std::vector<MapEntry> entries() && {
    return std::move(entries_);
  }  // so that a loop over a temporary's does not dangle
  bool empty() const { return entries_.empty(); }
  uint64_t bytes_of(Kind) const;
  bool operator==(const ExtentList&) const = default;

 private:
  std::vector<MapEntry> entries_;
};

}  // namespace hx
