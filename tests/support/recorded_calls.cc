#include "support/recorded_calls.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <map>
#include <mutex>

namespace hx::test {
namespace {

std::mutex mutex;
bool recording = false;
std::vector<Call> calls;
std::map<ino_t, int> held;  // a descriptor of each file written to, so that no inode number comes twice

void hold(int fd) {
  struct stat st;
  if (::fstat(fd, &st) != 0 || held.contains(st.st_ino)) return;
  // Not dup(): that would hold its lock as well.
  held[st.st_ino] = ::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), O_RDONLY | O_CLOEXEC);
}

std::string leaf(const char* path) {
  const std::string text = path;
  return text.substr(text.rfind('/') + 1);
}
ino_t inode_of(int fd) {
  struct stat st;
  return ::fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) ? st.st_ino : 0;
}
// Made and noted as one step: the order of the notes is the order of the calls.
template <class Make, class Note>
auto recorded(Make make, Note note) {
  std::lock_guard lock(mutex);
  const auto result = make();
  const int error = errno;
  if (recording && result >= 0) note(result);
  errno = error;
  return result;
}
void note(Call call) {
  if (call.inode != 0) calls.push_back(std::move(call));
}

}  // namespace

RecordedCalls::RecordedCalls() {
  std::lock_guard lock(mutex);
  calls.clear();
  recording = true;
}
RecordedCalls::~RecordedCalls() {
  std::lock_guard lock(mutex);
  recording = false;
  for (const auto& [inode, fd] : held) ::close(fd);
  held.clear();
}
std::vector<Call> RecordedCalls::take() {
  std::lock_guard lock(mutex);
  return std::move(calls);
}

}  // namespace hx::test

using hx::test::Call;
using hx::test::inode_of;
using hx::test::leaf;
using hx::test::note;
using hx::test::recorded;

namespace {

int rename_call(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) {
  return recorded([&] { return static_cast<int>(syscall(SYS_renameat2, from_dir, from, to_dir, to, flags)); },
                  [&](int) {
                    struct stat st;
                    if (fstatat(to_dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
                      note({.what = Call::What::kRename, .inode = st.st_ino, .from = leaf(from), .to = leaf(to)});
                  });
}
int unlink_call(int directory, const char* path, int flags) {
  return recorded([&] { return static_cast<int>(syscall(SYS_unlinkat, directory, path, flags)); },
                  [&](int) { note({.what = Call::What::kRemove, .inode = 1, .from = leaf(path)}); });
}
int sync_call(long number, int fd) {
  return recorded([&] { return static_cast<int>(syscall(number, fd)); },
                  [&](int) { note({.what = Call::What::kSync, .inode = inode_of(fd)}); });
}

}  // namespace

extern "C" {
ssize_t pwrite(int fd, const void* bytes, size_t size, off_t offset) {
  return recorded([&] { return static_cast<ssize_t>(syscall(SYS_pwrite64, fd, bytes, size, offset)); },
                  [&](ssize_t count) {
                    hx::test::hold(fd);
                    note({.what = Call::What::kWrite,
                          .inode = inode_of(fd),
                          .offset = static_cast<uint64_t>(offset),
                          .bytes = std::string(static_cast<const char*>(bytes), static_cast<size_t>(count))});
                  });
}
int ftruncate(int fd, off_t size) noexcept {
  return recorded([&] { return static_cast<int>(syscall(SYS_ftruncate, fd, size)); },
                  [&](int) {
                    note({.what = Call::What::kTruncate, .inode = inode_of(fd), .offset = static_cast<uint64_t>(size)});
                  });
}
int fsync(int fd) { return sync_call(SYS_fsync, fd); }
int fdatasync(int fd) { return sync_call(SYS_fdatasync, fd); }
int linkat(int from_dir, const char* from, int to_dir, const char* to, int flags) noexcept {
  return recorded([&] { return static_cast<int>(syscall(SYS_linkat, from_dir, from, to_dir, to, flags)); },
                  [&](int) {
                    struct stat st;
                    if (fstatat(to_dir, to, &st, AT_SYMLINK_NOFOLLOW) == 0)
                      note({.what = Call::What::kName, .inode = st.st_ino, .to = leaf(to)});
                  });
}
int renameat2(int from_dir, const char* from, int to_dir, const char* to, unsigned flags) noexcept {
  return rename_call(from_dir, from, to_dir, to, flags);
}
int renameat(int from_dir, const char* from, int to_dir, const char* to) noexcept {
  return rename_call(from_dir, from, to_dir, to, 0);
}
int rename(const char* from, const char* to) noexcept { return rename_call(AT_FDCWD, from, AT_FDCWD, to, 0); }
int unlinkat(int directory, const char* path, int flags) noexcept { return unlink_call(directory, path, flags); }
int unlink(const char* path) noexcept { return unlink_call(AT_FDCWD, path, 0); }
}
