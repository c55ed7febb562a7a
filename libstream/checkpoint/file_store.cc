#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "checkpoint/checkpoint_store.h"
#include "checkpoint/lock_file.h"
#include "checkpoint/sidecar_file.h"
#include "io/atomic_file.h"
#include "io/fd_io.h"

namespace hx {
namespace {

constexpr int kMaxSetAside = 1000;

// Every store() makes a new file, so this differs for each; nullopt: there is none.
Result<std::optional<std::string>> version_of(const std::string& path) {
  struct stat st;
  if (lstat(path.c_str(), &st) < 0) {
    if (errno == ENOENT) return std::optional<std::string>();
    return system_error(errno, path);
  }
  return std::optional(std::to_string(st.st_ino) + "-" + std::to_string(st.st_size) + "-" +
                       std::to_string(st.st_ctim.tv_sec) + "." + std::to_string(st.st_ctim.tv_nsec));
}

// Whether the first exists and the second does not, or is older.
bool is_newer(const std::string& first, const std::string& second) {
  struct stat a, b;
  if (lstat(first.c_str(), &a) < 0) return false;
  if (lstat(second.c_str(), &b) < 0) return true;
  return std::pair(a.st_mtim.tv_sec, a.st_mtim.tv_nsec) > std::pair(b.st_mtim.tv_sec, b.st_mtim.tv_nsec);
}

class FileStore : public CheckpointStore {
 public:
  FileStore(std::string path, LockFile lock) : path_(std::move(path)), lock_(std::move(lock)) {}

  Result<std::optional<Stored>> load() override {
    current_ = is_newer(other_variant(), path_) ? other_variant() : path_;
    const auto version = HX_TRY(version_of(current_));
    if (!version) return std::optional<Stored>();
    return std::optional(Stored{HX_TRY(read_sidecar_text(current_)), *version});
  }

  Result<std::string> store(const std::string& text, const std::optional<std::string>& replaces) override {
    if (HX_TRY(version_of(current_)) != replaces)
      return refused(path_ + ": somebody else has changed the checkpoint")
          .with_hint("another program writes to it: see who, then start again")
          .with_reason("checkpoint-changed");
    const std::string bytes = HX_TRY_IN(path_, encode_sidecar(text, path_));
    AtomicFile file = HX_TRY(AtomicFile::open(path_, Overwrite::kReplace, 0600));
    // One that is replaced would hand on its permissions, and the original's has 0644.
    if (fchmod(file.fd(), 0600) < 0) return system_error(errno, path_ + ": chmod");
    HX_TRY(pwrite_fd(file.fd(), path_, 0, as_bytes(bytes)));
    HX_TRY(file.commit());
    (void)unlink(other_variant().c_str());  // if it survives a power cut: it is older, and passed over
    current_ = path_;
    const auto version = HX_TRY(version_of(path_));
    if (!version) return refused(path_ + ": was removed as soon as it was written").with_reason("checkpoint-changed");
    return *version;
  }

  Result<std::string> set_aside() override {
    for (int i = 1; i <= kMaxSetAside; ++i) {
      const std::string name = current_ + (i == 1 ? ".bad" : ".bad" + std::to_string(i));
      if (renameat2(AT_FDCWD, current_.c_str(), AT_FDCWD, name.c_str(), RENAME_NOREPLACE) == 0) {
        current_ = path_;
        return name;
      }
      if (errno == EINVAL && rename(current_.c_str(), name.c_str()) == 0)
        return name;  // a file system without the flag
      if (errno != EEXIST) return system_error(errno, current_ + ": rename to " + name);
    }
    return refused(current_ + ": there are too many unreadable ones beside it").with_hint("remove the .bad files");
  }

  Status remove(const std::string&) override {
    (void)unlink(other_variant().c_str());
    return remove_sidecar(path_);
  }
  const std::string& name() const override { return path_; }

 private:
  std::string other_variant() const { return is_compressed_name(path_) ? plain_name(path_) : compressed_name(path_); }

  const std::string path_;
  std::string current_ = path_;  // what was loaded, until it is replaced
  LockFile lock_;
};

}  // namespace

Result<std::unique_ptr<CheckpointStore>> open_file_store(const std::string& path, const Clock& clock) {
  LockFile lock = HX_TRY(LockFile::take(lock_path_of(path), clock));
  return std::unique_ptr<CheckpointStore>(std::make_unique<FileStore>(path, std::move(lock)));
}

}  // namespace hx
