#include "io/zero_range.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>

#include "base/checked_math.h"
#include "io/fd_io.h"

namespace hx {
namespace {

// One ioctl may take so much: a device without the command gets written by the kernel, and must still stop for a
// signal.
constexpr uint64_t kDeviceStep = kGiB;
// Whole pages, which no device's blocks exceed: half a page of zeros would meet what the page cache holds of the rest.
constexpr uint64_t kPage = 4096;

Error zero_error(int error, const std::string& name, uint64_t offset) {
  return system_error(error, name + ": zero at " + std::to_string(offset));
}

Status write_zeros(int fd, const std::string& name, uint64_t offset, uint64_t length) {
  static std::byte zeros[kMiB];  // never written: it takes no memory, in the executable or in the process
  while (length > 0) {
    const uint64_t step = std::min<uint64_t>(length, sizeof zeros);
    HX_TRY(pwrite_fd(fd, name, offset, ByteSpan(zeros, step)));
    offset += step;
    length -= step;
  }
  return {};
}

bool not_supported(int error) {
  return error == EOPNOTSUPP || error == EINVAL || error == ENOTTY || error == ENOSYS || error == EBUSY;
}

// Without writing, and giving the space back where the device can (thin volumes, loop devices over files): a hole in a
// device is zeros that its driver promises or refuses (linux/block/fops.c, blkdev_fallocate), which BLKDISCARD does
// not, and BLKZEROOUT keeps the space. False: neither, with errno.
bool zero_by_device(int fd, uint64_t offset, uint64_t length) {
  if (fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                static_cast<off_t>(length)) == 0)
    return true;
  if (errno == EINTR || !not_supported(errno)) return false;
  uint64_t range[2] = {offset, length};
  return ioctl(fd, BLKZEROOUT, range) == 0;
}

// Whole pages by the device itself, ragged edges by hand.
Status zero_device(int fd, const std::string& name, uint64_t offset, uint64_t length) {
  const uint64_t end = offset + length;
  const uint64_t begin_whole = divide_round_up(offset, kPage) * kPage, end_whole = align_down(end, kPage);
  if (begin_whole >= end_whole) return write_zeros(fd, name, offset, length);
  HX_TRY(write_zeros(fd, name, offset, begin_whole - offset));
  for (uint64_t at = begin_whole; at < end_whole;) {
    const uint64_t step = std::min(kDeviceStep, end_whole - at);
    if (!zero_by_device(fd, at, step)) {
      if (errno == EINTR) continue;
      if (!not_supported(errno)) return zero_error(errno, name, at);
      HX_TRY(write_zeros(fd, name, at, end_whole - at));
      break;
    }
    at += step;
  }
  return write_zeros(fd, name, end_whole, end - end_whole);
}

Status zero_file(int fd, const std::string& name, uint64_t offset, uint64_t length) {
  for (const int mode : {FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE}) {
    int result;
    do result = fallocate(fd, mode, static_cast<off_t>(offset), static_cast<off_t>(length));
    while (result < 0 && errno == EINTR);
    if (result == 0) return {};
    if (!not_supported(errno)) return zero_error(errno, name, offset);
  }
  return write_zeros(fd, name, offset, length);
}

}  // namespace

Status zero_range(int fd, const std::string& name, uint64_t offset, uint64_t length) {
  if (length == 0) return {};
  const struct stat st = HX_TRY(stat_fd(fd, name));
  return S_ISBLK(st.st_mode) ? zero_device(fd, name, offset, length) : zero_file(fd, name, offset, length);
}

}  // namespace hx
