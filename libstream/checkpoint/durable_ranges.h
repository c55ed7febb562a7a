#pragma once
// Which bytes of a file are done: a set of ranges. (extent/extent_algebra's sets are of disks, and this room does not
// know extents.)

#include <cstdint>
#include <map>
#include <vector>

namespace hx {

struct ByteInterval {
  uint64_t begin = 0, end = 0;  // one past the last
  bool operator==(const ByteInterval&) const = default;
};

// Added in any order and overlap; neighbours are joined. One thread. Memory: an entry for each island.
class DurableRanges {
 public:
  void add(uint64_t begin, uint64_t end);  // nothing if it is empty
  void add(const DurableRanges&);
  void clear() { ends_.clear(); }

  bool empty() const { return ends_.empty(); }
  bool contains(uint64_t begin, uint64_t end) const;
  uint64_t bytes() const;
  uint64_t prefix_end() const;                  // the end of the range that begins at 0; 0 if there is none
  uint64_t end() const;                         // of the last range
  std::vector<ByteInterval> intervals() const;  // ascending, none empty, none touching the next
  std::vector<ByteInterval> missing(uint64_t begin, uint64_t end) const;  // what of [begin, end) is not in it
  std::vector<ByteInterval> missing(uint64_t total_size) const { return missing(0, total_size); }
  bool operator==(const DurableRanges&) const = default;

 private:
  std::map<uint64_t, uint64_t> ends_;  // begin → end
};

}  // namespace hx
