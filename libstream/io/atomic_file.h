#pragma once
// A file that appears under its final name only when it is complete.

#include <functional>
#include <string>

#include "base/result.h"
#include "io/unique_fd.h"

namespace hx {

enum class Overwrite { kRefuse, kReplace };

// open(): an unnamed file (O_TMPFILE) in the final name's directory, so that even SIGKILL leaves nothing; where the
// file system has none, a temporary name ".NAME.XXXXXX.tmp" that the destructor and signals (io/temporary_names.h)
// remove. commit(): fsync, link or rename to the final name, fsync of the directory. No commit: no file. A symbolic
// link under the final name is replaced, as rename(2) does; what it points to stays as it is. A file that is replaced
// leaves its permission bits to the new one, so that no copy is readable to more people; else mode and umask. kRefuse:
// an existing name is kRefused with a hint for --force, at open() already and again at commit().
class AtomicFile {
 public:
  static Result<AtomicFile> open(const std::string& path, Overwrite, unsigned mode = 0666);
  AtomicFile(AtomicFile&&) noexcept;
  AtomicFile& operator=(AtomicFile&&) = delete;
  ~AtomicFile();

  int fd() const { return fd_.get(); }  // O_RDWR
  const std::string& path() const { return path_; }
  Status commit();

 private:
  AtomicFile() = default;
  Status create_named(unsigned mode);
  Status with_new_name(const std::function<int(const char*)>& create);
  Status sync_directory();

  UniqueFd fd_, directory_;
  std::string path_, leaf_;
  std::string temporary_, temporary_path_;  // the leaf of the temporary name (empty: unnamed), and its path
  Overwrite overwrite_ = Overwrite::kRefuse;
  bool committed_ = false;
};

}  // namespace hx
