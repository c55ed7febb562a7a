#pragma once
#include <cstdint>
#include <mutex>

namespace hx {

// Asks the kernel to begin writing a file's dirty pages every few MiB, so that disk and producer work at the same time
// and the fsync at the end finds little to do. Only a matter of speed: it cannot fail. Any thread.
class Writeback {
 public:
  explicit Writeback(int fd) : fd_(fd) {}
  void wrote(uint64_t offset, uint64_t length);

 private:
  const int fd_;
  std::mutex mutex_;
  uint64_t begin_ = ~uint64_t{0}, end_ = 0, bytes_ = 0;  // of what was written since the last request
};

}  // namespace hx
