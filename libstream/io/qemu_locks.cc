#include "io/qemu_locks.h"

#include <fcntl.h>

#include <cerrno>
#include <initializer_list>
#include <utility>

namespace hx {
namespace {

// A shared lock on byte 100 + n says "I use permission n", on byte 200 + n "nobody else may". Permissions: 0 reading
// what is consistent, 1 writing, 2 writing what changes nothing, 3 resizing (include/block/block-common.h).
constexpr off_t kUses = 100, kUnshared = 200;
enum Permission : off_t { kConsistentRead = 0, kWrite = 1, kWriteUnchanged = 2, kResize = 3 };

struct flock one_byte(short type, off_t at) {
  struct flock lock = {};
  lock.l_type = type;
  lock.l_whence = SEEK_SET;
  lock.l_start = at;
  lock.l_len = 1;
  return lock;
}

Error in_use(const std::string& path) {
  return refused(path + ": is used by another process")
      .with_reason("in-use")
      .with_hint("QEMU's locks say so: end the virtual machine, or what else has it open");
}

Status take(int fd, const std::string& path, UseFor use, std::initializer_list<off_t> bytes) {
  for (const off_t byte : bytes) {
    struct flock lock = one_byte(F_RDLCK, byte);
    if (::fcntl(fd, F_OFD_SETLK, &lock) == 0) continue;
    if (errno == EAGAIN || errno == EACCES) return in_use(path);
    if (use == UseFor::kReading) return {};
    return unsupported(path + ": its file system has no locks, so that nothing keeps a virtual machine from it");
  }
  return {};
}

// F_WRLCK, because others' locks are shared ones. Locks of fd itself do not count.
Status look(int fd, const std::string& path, std::initializer_list<off_t> bytes) {
  for (const off_t byte : bytes) {
    struct flock lock = one_byte(F_WRLCK, byte);
    if (::fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK) return in_use(path);
  }
  return {};
}

}  // namespace

// First taken, then looked: of two who do so at once, at least one sees the other.
Status take_qemu_locks(int fd, const std::string& path, UseFor use) {
  if (use == UseFor::kReading) {
    HX_TRY(take(fd, path, use, {kUses + kConsistentRead, kUnshared + kWrite, kUnshared + kResize}));
    return look(fd, path, {kUses + kWrite, kUses + kResize, kUnshared + kConsistentRead});
  }
  HX_TRY(take(fd, path, use,
              {kUses + kConsistentRead, kUses + kWrite, kUses + kResize, kUnshared + kConsistentRead,
               kUnshared + kWrite, kUnshared + kWriteUnchanged, kUnshared + kResize}));
  return look(fd, path,
              {kUses + kConsistentRead, kUses + kWrite, kUses + kWriteUnchanged, kUses + kResize,
               kUnshared + kConsistentRead, kUnshared + kWrite, kUnshared + kResize});
}

}  // namespace hx
