#include "io/atomic_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include "io/fd_io.h"
#include "io/temporary_names.h"

namespace hx {
namespace {

struct SplitPath {
  std::string directory, leaf;
};

Result<SplitPath> split(const std::string& path) {
  const size_t slash = path.rfind('/');
  SplitPath parts{slash == std::string::npos ? "." : path.substr(0, slash + 1),
                  slash == std::string::npos ? path : path.substr(slash + 1)};
  if (parts.leaf.empty() || parts.leaf == "." || parts.leaf == "..")
    return usage_error(path + ": is a directory").with_hint("name a file in it");
  return parts;
}

Error exists(const std::string& path) {
  return refused(path + ": already exists").with_hint("--force replaces it");
}

std::string random_leaf(const std::string& leaf) {
  static unsigned counter = 0;
  return "." + leaf + "." + std::to_string(getpid()) + "-" + std::to_string(__atomic_add_fetch(&counter, 1, __ATOMIC_RELAXED)) + ".tmp";
}

int link_fd(int fd, int directory, const char* leaf) {
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  return linkat(AT_FDCWD, link.c_str(), directory, leaf, AT_SYMLINK_FOLLOW);
}

int rename_no_replace(int directory, const char* from, const char* to) {
  if (renameat2(directory, from, directory, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
  // A file system without the flag: link() refuses an existing name as well.
  if (linkat(directory, from, directory, to, 0) < 0) return -1;
  return unlinkat(directory, from, 0);
}

}  // namespace

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : fd_(std::move(other.fd_)),
      directory_(std::move(other.directory_)),
      path_(std::move(other.path_)),
      leaf_(std::move(other.leaf_)),
      temporary_(std::exchange(other.temporary_, {})),
      temporary_path_(std::move(other.temporary_path_)),
      overwrite_(other.overwrite_),
      committed_(other.committed_) {}

AtomicFile::~AtomicFile() {
  if (temporary_.empty()) return;
  unlinkat(directory_.get(), temporary_.c_str(), 0);
  forget_temporary(temporary_path_);
}

Result<AtomicFile> AtomicFile::open(const std::string& path, Overwrite overwrite, unsigned mode) {
  AtomicFile file;
  const SplitPath parts = HX_TRY(split(path));
  file.path_ = path;
  file.leaf_ = parts.leaf;
  file.overwrite_ = overwrite;
  file.directory_.reset(::open(parts.directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!file.directory_) return system_error(errno, path);

  struct stat st;
  if (fstatat(file.directory_.get(), file.leaf_.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0) {
    if (S_ISDIR(st.st_mode)) return usage_error(path + ": is a directory").with_hint("name a file in it");
    if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode))
      return refused(path + ": exists and is not a regular file").with_hint("--in-place writes into a device");
    if (overwrite == Overwrite::kRefuse) return exists(path);
  }

  file.fd_.reset(::open(parts.directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, mode));
  if (file.fd_) return file;
  if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT) return system_error(errno, path + ": create");
  const std::string leaf = random_leaf(file.leaf_);
  file.temporary_path_ = parts.directory == "." ? leaf : parts.directory + leaf;
  file.fd_.reset(openat(file.directory_.get(), leaf.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode));
  if (!file.fd_) return system_error(errno, path + ": create");
  file.temporary_ = leaf;
  register_temporary(file.temporary_path_);
  return file;
}

Status AtomicFile::commit() {
  if (committed_) return bug(path_ + ": committed twice");
  if (fsync(fd_.get()) < 0) return system_error(errno, path_ + ": fsync");
  if (temporary_.empty()) {
    if (link_fd(fd_.get(), directory_.get(), leaf_.c_str()) == 0) return sync_directory();
    if (errno != EEXIST) return system_error(errno, path_ + ": link");
    if (overwrite_ == Overwrite::kRefuse) return exists(path_);
    // linkat() never replaces: a name beside it, then rename.
    const std::string leaf = random_leaf(leaf_);
    if (link_fd(fd_.get(), directory_.get(), leaf.c_str()) < 0) return system_error(errno, path_ + ": link");
    temporary_ = leaf;
    temporary_path_ = path_.substr(0, path_.size() - leaf_.size()) + leaf;
    register_temporary(temporary_path_);
  }
  const int renamed = overwrite_ == Overwrite::kRefuse
                          ? rename_no_replace(directory_.get(), temporary_.c_str(), leaf_.c_str())
                          : renameat(directory_.get(), temporary_.c_str(), directory_.get(), leaf_.c_str());
  if (renamed < 0) return errno == EEXIST ? exists(path_) : system_error(errno, path_ + ": rename");
  forget_temporary(temporary_path_);
  temporary_.clear();
  return sync_directory();
}

// Only with this is the new name durable. The file is there and complete even if it fails: the status tells.
Status AtomicFile::sync_directory() {
  committed_ = true;
  if (fsync(directory_.get()) < 0 && errno != EINVAL) return system_error(errno, path_ + ": fsync of its directory");
  return {};
}

}  // namespace hx
