#include "io/atomic_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

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

Error exists(const std::string& path) { return refused(path + ": already exists").with_hint("--force replaces it"); }

// ".NAME.XXXXXX.tmp"; NAME is cut to leave room for the rest, as a name has at most 255 bytes.
std::string random_leaf(const std::string& leaf) {
  static constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyz234567";
  unsigned char random[6] = {};
  (void)getrandom(random, sizeof random, 0);
  std::string name = "." + leaf.substr(0, 240) + ".";
  for (const unsigned char byte : random) name += kLetters[byte % 32];
  return name + ".tmp";
}

std::string proc_path(int fd) { return "/proc/self/fd/" + std::to_string(fd); }

int link_fd(int fd, int directory, const char* leaf) {
  return linkat(AT_FDCWD, proc_path(fd).c_str(), directory, leaf, AT_SYMLINK_FOLLOW);
}

int rename_no_replace(int directory, const char* from, const char* to) {
  if (renameat2(directory, from, directory, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return -1;
  // A file system without the flag: link() refuses an existing name as well.
  if (linkat(directory, from, directory, to, 0) == 0) return unlinkat(directory, from, 0);
  if (errno == EEXIST) return -1;
  // Nor hard links (some FUSE file systems): what is left is to look and leap.
  struct stat st;
  if (fstatat(directory, to, &st, AT_SYMLINK_NOFOLLOW) == 0) return errno = EEXIST, -1;
  return renameat(directory, from, directory, to);
}

// Readable if we may, for its fsync; else only a handle.
Result<UniqueFd> open_directory(const std::string& directory, const std::string& path) {
  UniqueFd fd(open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd && errno == EACCES) fd.reset(open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (fd) return fd;
  const int error = errno;
  Error failure = system_error(error, path);
  if (error == ENOENT) return std::move(failure).with_hint("there is no directory '" + directory + "'");
  return failure;
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
  file.directory_ = HX_TRY(open_directory(parts.directory, path));

  struct stat st;
  const bool there = fstatat(file.directory_.get(), file.leaf_.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0;
  if (there) {
    if (S_ISDIR(st.st_mode)) return usage_error(path + ": is a directory").with_hint("name a file in it");
    if (!S_ISREG(st.st_mode) && !S_ISLNK(st.st_mode)) return refused(path + ": exists and is not a regular file");
    // A link to a device or pipe (/dev/stdout) is a way to it, not a name to be taken over.
    struct stat behind;
    if (S_ISLNK(st.st_mode) && fstatat(file.directory_.get(), file.leaf_.c_str(), &behind, 0) == 0 &&
        !S_ISREG(behind.st_mode) && !S_ISDIR(behind.st_mode))
      return refused(path + ": leads to something that is not a regular file");
    char text[8] = {};
    if (readlinkat(file.directory_.get(), file.leaf_.c_str(), text, sizeof text - 1) > 0 &&
        std::string_view(text).starts_with("/proc/"))
      return refused(path + ": leads to an open file, not to a name").with_hint("-o - is stdout");
    if (overwrite == Overwrite::kRefuse) return exists(path);
  }

  file.fd_.reset(openat(file.directory_.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, mode));
  if (!file.fd_ && errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL)
    return system_error(errno, path + ": create");
  // Without /proc an unnamed file could never be given its name.
  if (!file.fd_ || access(proc_path(file.fd_.get()).c_str(), F_OK) != 0) HX_TRY(file.create_named(mode));
  if (there && S_ISREG(st.st_mode)) (void)fchmod(file.fd_.get(), st.st_mode & 0777);
  return file;
}

Status AtomicFile::create_named(unsigned mode) {
  return with_new_name([&](const char* leaf) {
    fd_.reset(openat(directory_.get(), leaf, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode));
    return fd_ ? 0 : -1;
  });
}

// Calls create(leaf) with names that do not exist until it succeeds; that is then temporary_.
Status AtomicFile::with_new_name(const std::function<int(const char*)>& create) {
  for (;;) {
    const std::string leaf = random_leaf(leaf_);
    temporary_path_ = path_.substr(0, path_.size() - leaf_.size()) + leaf;
    register_temporary(temporary_path_);  // before it exists: a signal may come in between
    if (create(leaf.c_str()) == 0) {
      temporary_ = leaf;
      return {};
    }
    const int error = errno;
    forget_temporary(temporary_path_);
    if (error != EEXIST) return system_error(error, path_ + ": create");
  }
}

Status AtomicFile::commit() {
  if (committed_) return bug(path_ + ": committed twice");
  if (fsync(fd_.get()) < 0) return system_error(errno, path_ + ": fsync");
  if (temporary_.empty()) {
    if (link_fd(fd_.get(), directory_.get(), leaf_.c_str()) == 0) return sync_directory();
    if (errno != EEXIST) return system_error(errno, path_ + ": link");
    if (overwrite_ == Overwrite::kRefuse) return exists(path_);
    // linkat() never replaces: a name beside it, then rename.
    HX_TRY(with_new_name([&](const char* leaf) { return link_fd(fd_.get(), directory_.get(), leaf); }));
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
  // EBADF: a directory that we may not read; EINVAL: a file system that has no such thing.
  if (fsync(directory_.get()) < 0 && errno != EINVAL && errno != EBADF)
    return system_error(errno, path_ + ": fsync of its directory");
  return {};
}

}  // namespace hx
