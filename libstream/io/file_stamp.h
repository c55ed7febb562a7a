#pragma once
#include <sys/stat.h>

#include <string>

#include "base/result.h"

namespace hx {

// What shows that nobody wrote to a file or device since it was taken: its size, and of a file the times of its last
// change (mtime, ctime) in nanoseconds. A device's times say nothing of its content. Any thread.
class FileStamp {
 public:
  static Result<FileStamp> of(int fd, const std::string& name);
  // kChanged (reason "source-changed") says what is different now.
  Status check(int fd, const std::string& name) const;
  const struct stat& status() const { return status_; }
  uint64_t size() const { return size_; }

 private:
  struct stat status_ = {};
  uint64_t size_ = 0;
};

}  // namespace hx
