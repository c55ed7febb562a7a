#pragma once
// The order of a disk's extents: they tile its ranges, or what a resumed disk has left. Reader and writer of a stream
// hold each other to it.

#include "base/result.h"
#include "extent/extent_algebra.h"

namespace hx {

// One disk's. Ranges must have been checked (ascending, within the size). One thread.
class Coverage {
 public:
  Coverage() = default;
  explicit Coverage(const DiskInfo&);

  // From the first byte that no extent has covered yet to the end of its range; nullopt: all is covered.
  std::optional<Range> next_uncovered() const;
  // Covers it. It must begin where next_uncovered() does and stay in that range: kDamaged otherwise.
  Status cover(uint64_t offset, uint64_t length);
  // The disk ends here; `size` is the final one. kDamaged if something is uncovered.
  Status finish(uint64_t size) const;

 private:
  RangeSet ranges_;
  size_t current_ = 0;     // the range in which position_ lies, or that it has not reached
  uint64_t position_ = 0;  // the end of the last extent
  bool size_is_known_ = true;
};

}  // namespace hx
