#include <fcntl.h>

#include "extent/file_sink.h"
#include "extent/zero_detector.h"
#include "io/fd_io.h"

namespace hx {
namespace {

alignas(4096) std::byte zeros[kMiB];  // never written to

// Whether zeros may be skipped: a regular file whose offset is its end, and stays where we leave it.
bool can_skip(int fd) {
  struct stat status;
  const int flags = ::fcntl(fd, F_GETFL);
  return flags >= 0 && !(flags & O_APPEND) && ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
         ::lseek(fd, 0, SEEK_CUR) == status.st_size;
}

class StdoutSink : public FileSink {
 public:
  StdoutSink(int fd, std::string name) : fd_(fd), name_(std::move(name)), is_sparse_(can_skip(fd)) {
    if (is_sparse_) position_ = static_cast<uint64_t>(::lseek(fd, 0, SEEK_CUR));
  }

  Order order() const override { return Order::kAscending; }

  Status begin_disk(const DiskInfo& info) override {
    if (has_disk_) return refused(name_ + ": plain bytes hold one disk, and the source has more");
    if (info.kind == DiskKind::kDelta)
      return refused(name_ + ": plain bytes cannot say what a delta leaves to its parent");
    has_disk_ = true;
    enlarge_pipe(fd_);
    return {};
  }

  Status put(Extent extent) override {
    switch (extent.kind) {
      case Kind::kAbsent:
        return bug(name_ + ": absent in a disk that is no delta");
      case Kind::kZero:
        HX_TRY(put_zeros(extent.length));
        break;
      case Kind::kData:
        HX_TRY(put_data(extent));
        break;
    }
    contiguous_end_ = extent.end();
    return {};
  }

  // A skipped end is made real, and what writes to the same file after us goes on behind it.
  Status end_disk(const DiskTotals&) override {
    if (!is_sparse_) return {};
    if (::ftruncate(fd_, static_cast<off_t>(position_)) != 0 ||
        ::lseek(fd_, static_cast<off_t>(position_), SEEK_SET) < 0)
      return system_error(errno, name_ + ": set the size to " + std::to_string(position_));
    return {};
  }
  Status commit() override { return {}; }
  SinkCounts counts() const override { return counts_; }
  uint64_t contiguous_end() const override { return contiguous_end_; }

 private:
  Status put_zeros(uint64_t length) {
    if (is_sparse_) {
      counts_.skipped += length;
      position_ += length;
      return {};
    }
    for (uint64_t left = length; left > 0;) {
      const uint64_t step = std::min<uint64_t>(left, sizeof(zeros));
      HX_TRY(write_fd(fd_, name_, position_, ByteSpan(zeros).first(step)));
      position_ += step;
      left -= step;
    }
    counts_.zeroed += length;
    return {};
  }

  Status put_data(const Extent& extent) {
    if (!is_sparse_) return put_bytes(extent.data.bytes());
    for (const MapEntry& entry : find_zeros(extent.offset, extent.data.bytes())) {
      if (entry.kind == Kind::kZero)
        HX_TRY(put_zeros(entry.length));
      else
        HX_TRY(put_bytes(extent.data.bytes().subspan(entry.offset - extent.offset, entry.length)));
    }
    return {};
  }
  Status put_bytes(ByteSpan bytes) {
    HX_TRY(is_sparse_ ? pwrite_fd(fd_, name_, position_, bytes) : write_fd(fd_, name_, position_, bytes));
    position_ += bytes.size();
    counts_.written += bytes.size();
    return {};
  }

  const int fd_;
  const std::string name_;
  const bool is_sparse_;
  uint64_t position_ = 0;        // in the output: of a part it is not the disk's offset
  uint64_t contiguous_end_ = 0;  // of the disk
  bool has_disk_ = false;
  SinkCounts counts_;
};

}  // namespace

std::unique_ptr<FileSink> stdout_sink(int fd, std::string name) {
  return std::make_unique<StdoutSink>(fd, std::move(name));
}

}  // namespace hx
