#include "io/writeback.h"

#include <fcntl.h>

#include <algorithm>

#include "base/bytes.h"

namespace hx {
namespace {

constexpr uint64_t kWritebackStep = 8 * kMiB;

}  // namespace

void Writeback::wrote(uint64_t offset, uint64_t length) {
  uint64_t begin, end;
  {
    std::lock_guard lock(mutex_);
    begin_ = std::min(begin_, offset);
    end_ = std::max(end_, offset + length);
    if ((bytes_ += length) < kWritebackStep) return;
    begin = begin_;
    end = end_;
    begin_ = ~uint64_t{0};
    end_ = bytes_ = 0;
  }
  // A file system without it (ESPIPE, ENOSYS…) writes when it likes.
  (void)::sync_file_range(fd_, static_cast<off64_t>(begin), static_cast<off64_t>(end - begin), SYNC_FILE_RANGE_WRITE);
}

}  // namespace hx
