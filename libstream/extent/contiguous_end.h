#pragma once
#include <map>
#include <mutex>

#include "extent/extent.h"

namespace hx {

// Up to where a disk is done without a gap, while pieces are done in any order. Any thread. Memory: one entry for each
// island beyond the end.
class ContiguousEnd {
 public:
  // What lies outside of the disk's ranges counts as done.
  void start(const DiskInfo&);
  void done(uint64_t offset, uint64_t length);
  uint64_t get() const;

 private:
  mutable std::mutex mutex_;
  uint64_t end_ = 0;
  std::map<uint64_t, uint64_t> islands_;  // begin → end; disjoint, all behind end_
};

}  // namespace hx
