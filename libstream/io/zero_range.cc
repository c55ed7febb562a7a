#include "io/zero_range.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "base/checked_math.h"
#include "io/fd_io.h"

namespace hx {
namespace {

Status write_zeros(int fd, const std::string& name, uint64_t offset, uint64_t length) {
  static const std::vector<std::byte> zeros(kMiB);
  while (length > 0) {
    const uint64_t step = std::min<uint64_t>(length, zeros.size());
    HX_TRY(pwrite_fd(fd, name, offset, ByteSpan(zeros).first(step)));
    offset += step;
    length -= step;
  }
  return {};
}

bool not_supported(int error) { return error == EOPNOTSUPP || error == ENOTSUP || error == EINVAL || error == ENOTTY; }

// Whole logical blocks by the device itself, ragged edges by hand.
Status zero_device(int fd, const std::string& name, uint64_t offset, uint64_t length) {
  int block = 512;
  if (ioctl(fd, BLKSSZGET, &block) < 0 || block <= 0) block = 512;
  const uint64_t size = static_cast<uint64_t>(block), end = offset + length;
  const uint64_t begin_whole = divide_round_up(offset, size) * size, end_whole = align_down(end, size);
  if (begin_whole >= end_whole) return write_zeros(fd, name, offset, length);
  HX_TRY(write_zeros(fd, name, offset, begin_whole - offset));
  uint64_t range[2] = {begin_whole, end_whole - begin_whole};
  if (ioctl(fd, BLKZEROOUT, range) < 0) {
    if (!not_supported(errno)) return system_error(errno, name + ": zero at " + std::to_string(begin_whole));
    HX_TRY(write_zeros(fd, name, begin_whole, end_whole - begin_whole));
  }
  return write_zeros(fd, name, end_whole, end - end_whole);
}

}  // namespace

Status zero_range(int fd, const std::string& name, uint64_t offset, uint64_t length) {
  if (length == 0) return {};
  const struct stat st = HX_TRY(stat_fd(fd, name));
  if (S_ISBLK(st.st_mode)) return zero_device(fd, name, offset, length);
  for (const int mode : {FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE}) {
    if (fallocate(fd, mode, static_cast<off_t>(offset), static_cast<off_t>(length)) == 0) return {};
    if (!not_supported(errno)) return system_error(errno, name + ": zero at " + std::to_string(offset));
  }
  return write_zeros(fd, name, offset, length);
}

}  // namespace hx
