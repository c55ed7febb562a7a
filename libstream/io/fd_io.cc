#include "io/fd_io.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

namespace hx {
namespace {

// One read or write may be this long; the kernel's own limit is just below 2 GiB.
constexpr size_t kMaxTransfer = 1 << 30;

std::string place(const std::string& name, const char* doing, uint64_t offset) {
  return name + ": " + doing + " at " + std::to_string(offset);
}

Error write_error(int error, const std::string& name, uint64_t offset) {
  if (error == EPIPE) return damaged(place(name, "write", offset) + ": closed by its reader");
  return system_error(error, place(name, "write", offset));
}

// Of a shorter piece a copy costs no more than handing over its pages.
constexpr size_t kMinSplice = 16 * kKiB;

bool is_pipe(int fd) {
  struct stat st;
  return fstat(fd, &st) == 0 && S_ISFIFO(st.st_mode);
}

// Whether a failed call is to be made again: after a signal, or when a descriptor that somebody else made non-blocking
// (ssh does that to a shared stdin or stdout) is ready.
bool try_again(int error, int fd, short what) {
  if (error == EINTR) return true;
  if (error != EAGAIN) return false;
  pollfd wanted = {fd, what, 0};
  return poll(&wanted, 1, -1) >= 0 || errno == EINTR;
}

Error is_directory(const std::string& path) {
  return usage_error(path + ": is a directory").with_hint("name a file or a device");
}

Error open_error(int error, const std::string& path) {
  if (error == EISDIR) return is_directory(path);
  if (error != ENOENT) return system_error(error, path);
  const size_t slash = path.rfind('/');
  const std::string parent = slash == std::string::npos ? "" : path.substr(0, slash);
  const bool no_parent = !parent.empty() && access(parent.c_str(), F_OK) != 0;
  return system_error(error, path)
      .with_hint(no_parent ? "there is no directory '" + parent + "'" : "check the spelling of the name");
}

}  // namespace

Result<UniqueFd> open_fd(const std::string& path, int flags, mode_t mode) {
  int fd;
  do fd = open(path.c_str(), flags | O_CLOEXEC, mode);
  while (fd < 0 && errno == EINTR);
  if (fd < 0) return open_error(errno, path);
  UniqueFd owned(fd);
  if (!(flags & (O_DIRECTORY | O_PATH))) {
    const struct stat st = HX_TRY(stat_fd(fd, path));
    if (S_ISDIR(st.st_mode)) return is_directory(path);
  }
  return owned;
}

Status close_checked(UniqueFd fd, const std::string& name) {
  // Linux releases the descriptor even when close() reports EINTR: never again.
  if (close(fd.release()) < 0 && errno != EINTR) return system_error(errno, name + ": close");
  return {};
}

Result<struct stat> stat_fd(int fd, const std::string& name) {
  struct stat st;
  if (fstat(fd, &st) < 0) return system_error(errno, name + ": stat");
  return st;
}

Result<uint64_t> size_of_fd(int fd, const std::string& name) {
  const struct stat st = HX_TRY(stat_fd(fd, name));
  if (S_ISREG(st.st_mode)) return static_cast<uint64_t>(st.st_size);
  if (S_ISBLK(st.st_mode)) {
    uint64_t size = 0;
    if (ioctl(fd, BLKGETSIZE64, &size) < 0) return system_error(errno, name + ": get its size");
    return size;
  }
  if (S_ISDIR(st.st_mode)) return is_directory(name);
  return unsupported(name + ": neither a file nor a block device");
}

void enlarge_pipe(int fd) {
  constexpr int kSize = 1 << 20;
  const int size = fcntl(fd, F_GETPIPE_SZ);
  if (size < 0 || size >= kSize) return;
  (void)fcntl(fd, F_SETPIPE_SZ, kSize);  // over the user's limit: slower, not wrong
}

Result<size_t> read_fd(int fd, const std::string& name, uint64_t offset, MutableByteSpan out) {
  for (;;) {
    const ssize_t got = read(fd, out.data(), std::min(out.size(), kMaxTransfer));
    if (got >= 0) return static_cast<size_t>(got);
    if (!try_again(errno, fd, POLLIN)) return system_error(errno, place(name, "read", offset));
  }
}

Status write_fd(int fd, const std::string& name, uint64_t offset, ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t put = write(fd, bytes.data(), std::min(bytes.size(), kMaxTransfer));
    if (put < 0 && try_again(errno, fd, POLLOUT)) continue;
    if (put < 0) return write_error(errno, name, offset);
    if (put == 0) return system_error(ENOSPC, place(name, "write", offset));
    bytes = bytes.subspan(static_cast<size_t>(put));
    offset += static_cast<uint64_t>(put);
  }
  return {};
}

Result<size_t> pread_fd(int fd, const std::string& name, uint64_t offset, MutableByteSpan out) {
  size_t done = 0;
  while (done < out.size()) {
    const ssize_t got =
        pread(fd, out.data() + done, std::min(out.size() - done, kMaxTransfer), static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error(errno, place(name, "read", offset + done));
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

Status pwrite_fd(int fd, const std::string& name, uint64_t offset, ByteSpan bytes) {
  while (!bytes.empty()) {
    const ssize_t put = pwrite(fd, bytes.data(), std::min(bytes.size(), kMaxTransfer), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return write_error(errno, name, offset);
    if (put == 0) return system_error(ENOSPC, place(name, "write", offset));
    bytes = bytes.subspan(static_cast<size_t>(put));
    offset += static_cast<uint64_t>(put);
  }
  return {};
}

FdReader::FdReader(int fd, std::string name) : fd_(fd), name_(std::move(name)) {
  struct stat st;
  if (fstat(fd_, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode))) cancelled_.reset(eventfd(0, EFD_CLOEXEC));
}
FdReader::FdReader(UniqueFd fd, std::string name) : FdReader(fd.get(), std::move(name)) { owned_ = std::move(fd); }

void FdReader::cancel() {
  const uint64_t one = 1;
  if (cancelled_ && write(cancelled_.get(), &one, sizeof one) < 0) return;  // full: cancelled already
}

Result<size_t> FdReader::read_some(MutableByteSpan out) {
  if (cancelled_) {
    pollfd waiting[2] = {{fd_, POLLIN, 0}, {cancelled_.get(), POLLIN, 0}};
    while (poll(waiting, 2, -1) < 0 && errno == EINTR) {
    }
    if (waiting[1].revents) return bug(name_ + ": the read was cancelled");
  }
  const size_t got = HX_TRY(read_fd(fd_, name_, offset_, out));
  offset_ += got;
  return got;
}

FdWriter::FdWriter(int fd, std::string name) : fd_(fd), is_pipe_(is_pipe(fd)), name_(std::move(name)) {}

Status FdWriter::write_all(ByteSpan bytes) {
  HX_TRY(write_fd(fd_, name_, offset_, bytes));
  offset_ += bytes.size();
  return {};
}

Status FdWriter::write_two(ByteSpan first, ByteSpan second) {
  iovec pieces[2] = {{const_cast<std::byte*>(first.data()), first.size()},
                     {const_cast<std::byte*>(second.data()), second.size()}};
  ssize_t put;
  do put = writev(fd_, pieces, 2);
  while (put < 0 && try_again(errno, fd_, POLLOUT));
  if (put < 0) return write_error(errno, name_, offset_);
  const size_t done = static_cast<size_t>(put);
  offset_ += done;
  if (done < first.size()) {
    HX_TRY(write_all(first.subspan(done)));
    return write_all(second);
  }
  return write_all(second.subspan(done - first.size()));
}

Result<FileReader> FileReader::open(const std::string& path) {
  struct stat st;
  // Before the open, as that of a FIFO waits for a writer.
  if (stat(path.c_str(), &st) == 0 && !S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode) && !S_ISDIR(st.st_mode))
    return unsupported(path + ": neither a file nor a block device");
  UniqueFd fd = HX_TRY(open_fd(path, O_RDONLY));
  HX_TRY(size_of_fd(fd.get(), path));
  return FileReader(std::move(fd), path);
}

Status FdWriter::write_two(ByteSpan first, ByteSpan second, FilePlace place) {
  if (!is_pipe_ || place.fd < 0 || second.size() < kMinSplice) return write_two(first, second);
  HX_TRY(write_all(first));
  auto from = static_cast<off64_t>(place.offset);
  while (!second.empty()) {
    const ssize_t moved = splice(place.fd, &from, fd_, nullptr, second.size(), SPLICE_F_MORE);
    if (moved < 0 && errno == EINTR) continue;
    // Whatever ends this (a file that is shorter now, a file system that cannot), the bytes at hand are as good.
    if (moved <= 0) break;
    second = second.subspan(static_cast<size_t>(moved));
    offset_ += static_cast<uint64_t>(moved);
  }
  return write_all(second);
}

FileReader::FileReader(UniqueFd fd, std::string name, uint64_t base)
    : fd_(std::move(fd)), name_(std::move(name)), base_(base) {}

Result<uint64_t> FileReader::size() const {
  const uint64_t size = HX_TRY(size_of_fd(fd_.get(), name_));
  return size < base_ ? 0 : size - base_;
}

Status FileReader::read_at(uint64_t offset, MutableByteSpan out) const {
  const size_t got = HX_TRY(pread_fd(fd_.get(), name_, base_ + offset, out));
  if (got < out.size()) return damaged(place(name_, "read", base_ + offset + got) + ": the file ends here");
  return {};
}

Result<size_t> MemoryReader::read_some(MutableByteSpan out) {
  const size_t step = std::min(out.size(), bytes_.size() - position_);
  std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(position_), step, out.begin());
  position_ += step;
  return step;
}

Status MemoryReader::read_at(uint64_t offset, MutableByteSpan out) const {
  if (offset > bytes_.size() || out.size() > bytes_.size() - offset)
    return damaged(place(name_, "read", offset) + ": the file ends here");
  std::copy_n(bytes_.begin() + static_cast<ptrdiff_t>(offset), out.size(), out.begin());
  return {};
}

Status MemoryWriter::write_all(ByteSpan bytes) {
  bytes_ += as_text(bytes);
  return {};
}

}  // namespace hx
