#pragma once
#include "base/is_zero.h"
#include "support/memory_disk.h"

namespace hx::test {

// Compares what comes out of a snapshot, piece by piece and in order, with the disk that went in: a disk of terabytes
// of zeros is compared at once.
class ImageComparison {
 public:
  explicit ImageComparison(const MemoryDisk& disk) : disk_(disk) {}

  void data(ByteSpan bytes) {
    if (!disk_has(bytes.size())) return;
    equal_ = equal_ &&
             (is_zero(bytes) && only_zeros(bytes.size()) ? true : disk_.text(end_, bytes.size()) == as_text(bytes));
    end_ += bytes.size();
  }
  void zeros(uint64_t length) {
    if (!disk_has(length)) return;
    for (uint64_t done = 0; done < length && equal_ && !only_zeros(length);) {
      const uint64_t step = std::min(length - done, kMiB);
      equal_ = is_zero(as_bytes(disk_.text(end_ + done, step)));
      done += step;
    }
    end_ += length;
  }
  // All of the disk has come, and nothing else.
  bool is_equal() const { return equal_ && end_ == disk_.info().size; }
  uint64_t end() const { return end_; }

 private:
  bool disk_has(uint64_t length) { return equal_ = equal_ && length <= disk_.info().size - end_; }
  bool only_zeros(uint64_t length) const {
    const auto map = disk_.map(end_, end_ + length);
    return map.ok() && map.value().bytes_of(Kind::kData) == 0;
  }

  const MemoryDisk& disk_;
  uint64_t end_ = 0;
  bool equal_ = true;
};

}  // namespace hx::test
