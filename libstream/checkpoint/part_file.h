#pragma once
// A file that grows over several runs: NAME.part until it is complete, then NAME.

#include <string>

#include "base/bytes.h"
#include "base/result.h"
#include "io/atomic_file.h"
#include "io/unique_fd.h"

namespace hx {

enum class PartBeginning : uint8_t {
  kContinue,  // what is there stays; there may be nothing
  kAnew,      // it is emptied: only when no stored checkpoint says any more that it holds something
};

// write_at() from any thread; the rest from one. The destructor leaves NAME.part as it is.
class PartFile {
 public:
  // path: the final name. kRefused: NAME.part is something else than a regular file with one name, or another run's:
  // it is locked (flock(2)) as long as it is open, as runs with different checkpoints may mean the same file.
  static Result<PartFile> open(const std::string& path, PartBeginning);
  static std::string part_path(const std::string& path) { return path + ".part"; }

  int fd() const { return fd_.get(); }
  const std::string& name() const { return part_path_; }
  Status write_at(uint64_t offset, ByteSpan);
  // All that was written before is durable when it returns, its name included. After a failure it fails for ever: the
  // kernel may have dropped what it could not write (fsync(2), ERRORS), and a second call would say nothing of it.
  Status sync();
  // Cuts it at the size, syncs, gives it its final name, syncs the directory. Overwrite as in io/atomic_file.
  Status finish(uint64_t size, Overwrite);

 private:
  PartFile() = default;
  UniqueFd fd_, directory_;
  std::string path_, part_path_;
  bool name_is_durable_ = false, failed_ = false;
};

}  // namespace hx
