#include "checkpoint/lock_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "base/json.h"
#include "io/fd_io.h"

namespace hx {
namespace {

constexpr size_t kMaxText = 1024;

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

std::string holder_text(const Clock& clock) {
  return dump_json({{"program", program_invocation_short_name},
                    {"pid", getpid()},
                    {"host", host_name()},
                    {"started", format_rfc3339(clock.wall_now())}}) +
         "\n";
}

// Empty: the file is empty, or holds something else.
std::string describe_holder(int fd, const std::string& path) {
  std::string text(kMaxText, '\0');
  const Result<size_t> size = pread_fd(fd, path, 0, std::as_writable_bytes(std::span(text)));
  if (!size) return "";
  text.resize(size.value());
  const Result<Json> json = parse_json(text);
  if (!json) return "";
  const auto word = [&](const char* key) {
    return json_string_or(json.value(), key, "").ok() ? json_string_or(json.value(), key, "?").value()
                                                      : std::string("?");
  };
  const Result<uint64_t> pid = json_u64(json.value(), "pid");
  if (!pid) return "";
  return word("program") + ", process " + std::to_string(pid.value()) + " on " + word("host") + " since " +
         word("started");
}

// The holder removes the file before it lets go: what was locked here may have no name any more.
bool is_still_there(int fd, const std::string& path) {
  struct stat open_file, named;
  return fstat(fd, &open_file) == 0 && lstat(path.c_str(), &named) == 0 && open_file.st_ino == named.st_ino &&
         open_file.st_dev == named.st_dev;
}

}  // namespace

Result<LockFile> LockFile::take(const std::string& path, const Clock& clock) {
  for (;;) {
    // A link would lead a run, maybe root's, to truncate what somebody chose.
    UniqueFd fd = HX_TRY(open_fd(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (!S_ISREG(HX_TRY(stat_fd(fd.get(), path)).st_mode)) return refused(path + ": is not a regular file");
    if (flock(fd.get(), LOCK_EX | LOCK_NB) < 0) {
      if (errno == EINTR) continue;
      if (errno != EWOULDBLOCK) return system_error(errno, path + ": lock");
      const std::string holder = describe_holder(fd.get(), path);
      return refused(path + ": locked by " + (holder.empty() ? "another run" : holder))
          .with_hint("wait until it ends, or stop it; the lock goes with the process")
          .with_reason("locked");
    }
    if (!is_still_there(fd.get(), path)) continue;
    LockFile lock(std::move(fd), path);
    lock.left_by_ = describe_holder(lock.fd_.get(), path);
    const std::string text = holder_text(clock);
    if (ftruncate(lock.fd_.get(), 0) < 0) return system_error(errno, path + ": truncate");
    HX_TRY(pwrite_fd(lock.fd_.get(), path, 0, as_bytes(text)));
    return lock;
  }
}

LockFile::~LockFile() {
  if (fd_ && is_still_there(fd_.get(), path_)) unlink(path_.c_str());
}

}  // namespace hx
