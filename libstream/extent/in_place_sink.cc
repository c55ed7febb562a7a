#include <fcntl.h>

#include <atomic>

#include "base/checked_math.h"
#include "extent/contiguous_end.h"
#include "extent/file_sink.h"
#include "extent/placed_data.h"
#include "io/device_use.h"
#include "io/fd_io.h"
#include "io/zero_range.h"

namespace hx {
namespace {

class InPlaceSink : public FileSink {
 public:
  InPlaceSink(UniqueFd fd, std::string path, uint64_t target_size)
      : fd_(std::move(fd)),
        path_(std::move(path)),
        target_size_(target_size),
        data_(fd_.get(), path_, [this](uint64_t offset, uint64_t length) { return make_zero(offset, length); }) {}

  Order order() const override { return Order::kAny; }

  Status begin_disk(const DiskInfo& info) override {
    if (has_disk_) return refused(path_ + ": holds one disk, and the source has more");
    has_disk_ = true;
    contiguous_.start(info);
    return info.size == kUnknownSize ? Status() : expect_room(info.size);
  }

  Status put(Extent extent) override {
    if (!fits_within(extent.offset, extent.length, target_size_)) return too_small(extent.end());
    if (extent.kind == Kind::kZero) HX_TRY(make_zero(extent.offset, extent.length));
    if (extent.kind == Kind::kData) HX_TRY(data_.put(extent));
    contiguous_.done(extent.offset, extent.length);  // absent: the target has the parent's bytes
    return {};
  }

  Status end_disk(const DiskTotals& totals) override { return expect_room(totals.size); }
  Status commit() override {
    if (::fsync(fd_.get()) != 0) return system_error(errno, path_ + ": fsync");
    return close_checked(std::move(fd_), path_);
  }
  SinkCounts counts() const override { return {.written = data_.written(), .zeroed = zeroed_}; }
  uint64_t contiguous_end() const override { return contiguous_.get(); }
  Status sync() override {
    return ::fdatasync(fd_.get()) == 0 ? Status() : Status(system_error(errno, path_ + ": fdatasync"));
  }

 private:
  Error too_small(uint64_t needed) const {
    return refused(path_ + ": too small: " + std::to_string(target_size_) + " bytes, the disk has " +
                   (needed == kUnknownSize ? "more" : std::to_string(needed)));
  }
  Status expect_room(uint64_t size) const { return size <= target_size_ ? Status() : Status(too_small(size)); }

  Status make_zero(uint64_t offset, uint64_t length) {
    HX_TRY(zero_range(fd_.get(), path_, offset, length));
    zeroed_ += length;
    return {};
  }

  UniqueFd fd_;
  const std::string path_;
  const uint64_t target_size_;
  PlacedData data_;
  ContiguousEnd contiguous_;
  bool has_disk_ = false;
  std::atomic<uint64_t> zeroed_ = 0;
};

}  // namespace

Result<std::unique_ptr<FileSink>> in_place_sink(const std::string& path, Force force) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return system_error(errno, path);
  if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
    return usage_error(path + ": neither a regular file nor a block device");
  // O_EXCL on a block device is the kernel's own check: it fails while the device is mounted or has another such owner.
  const bool exclusive = S_ISBLK(status.st_mode) && force == Force::kNo;
  UniqueFd fd(::open(path.c_str(), O_RDWR | O_CLOEXEC | (exclusive ? O_EXCL : 0)));
  if (!fd && errno == EBUSY)
    return refused(path + ": in use by the system")
        .with_hint("unmount it, or give --force to overwrite it all the same");
  if (!fd) return system_error(errno, path);
  if (force == Force::kNo) {
    if (const auto use = HX_TRY(who_uses(fd.get(), path, UseFor::kWriting)))
      return refused(path + ": " + *use).with_hint("unmount it, or give --force to overwrite it all the same");
  }
  const uint64_t size = HX_TRY(size_of_fd(fd.get(), path));
  return std::unique_ptr<FileSink>(std::make_unique<InPlaceSink>(std::move(fd), path, size));
}

}  // namespace hx
