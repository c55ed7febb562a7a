#pragma once
// One run at a time. The lock is a file of its own, never renamed: a lock on a file that a rename replaces keeps nobody
// out. flock(2): the kernel lets go of a dead process's, so that its file blocks nobody.

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "io/unique_fd.h"

namespace hx {

class LockFile {
 public:
  // kRefused with the reason "locked" and the holder: "PATH: locked by hx-export, process 4711 on host since …". The
  // file has mode 0600, is created, and is not followed if it is a link.
  static Result<LockFile> take(const std::string& path, const Clock&);
  LockFile(LockFile&&) noexcept = default;
  LockFile& operator=(LockFile&&) = delete;
  // Removes the file: who waits for none finds none. After SIGKILL it stays, and hinders nobody.
  ~LockFile();

  // Who held it last and did not get to take it away, as in the message above; empty if nobody.
  const std::string& left_by() const { return left_by_; }

 private:
  LockFile(UniqueFd fd, std::string path) : fd_(std::move(fd)), path_(std::move(path)) {}
  UniqueFd fd_;
  std::string path_, left_by_;
};

}  // namespace hx
