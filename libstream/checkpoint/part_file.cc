#include "checkpoint/part_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "io/fd_io.h"

namespace hx {

Result<PartFile> PartFile::open(const std::string& path, PartBeginning beginning) {
  PartFile file;
  file.path_ = path;
  file.part_path_ = part_path(path);
  const std::string directory = path.substr(0, path.rfind('/') + 1);
  file.directory_ = HX_TRY(open_fd(directory.empty() ? "." : directory, O_RDONLY | O_DIRECTORY));
  file.fd_ = HX_TRY(open_fd(file.part_path_, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK));
  const struct stat st = HX_TRY(stat_fd(file.fd_.get(), file.part_path_));
  if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
    return refused(file.part_path_ + ": is not a regular file with one name");
  if (flock(file.fd_.get(), LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
    return refused(file.part_path_ + ": another run writes to it").with_reason("locked");
  if (beginning == PartBeginning::kAnew && st.st_size > 0 && ftruncate(file.fd_.get(), 0) < 0)
    return system_error(errno, file.part_path_ + ": truncate");
  return file;
}

Status PartFile::write_at(uint64_t offset, ByteSpan bytes) { return pwrite_fd(fd_.get(), part_path_, offset, bytes); }

Status PartFile::sync() {
  if (failed_) return system_error(EIO, part_path_ + ": an earlier write was lost");
  if (fdatasync(fd_.get()) < 0) {
    failed_ = true;
    return system_error(errno, part_path_ + ": fdatasync");
  }
  if (!name_is_durable_ && fsync(directory_.get()) < 0 && errno != EINVAL)
    return system_error(errno, part_path_ + ": fsync of its directory");
  name_is_durable_ = true;
  return {};
}

Status PartFile::finish(uint64_t size, Overwrite overwrite) {
  if (ftruncate(fd_.get(), static_cast<off_t>(size)) < 0) return system_error(errno, part_path_ + ": truncate");
  HX_TRY(sync());
  const unsigned flags = overwrite == Overwrite::kRefuse ? RENAME_NOREPLACE : 0;
  int failed = renameat2(AT_FDCWD, part_path_.c_str(), AT_FDCWD, path_.c_str(), flags);
  if (failed && errno == EINVAL && flags && access(path_.c_str(), F_OK) != 0)  // a file system without the flag
    failed = rename(part_path_.c_str(), path_.c_str());
  if (failed && errno == EEXIST) return refused(path_ + ": already exists").with_hint("--force replaces it");
  if (failed) return system_error(errno, part_path_ + ": rename");
  if (fsync(directory_.get()) < 0 && errno != EINVAL) return system_error(errno, path_ + ": fsync of its directory");
  return {};
}

}  // namespace hx
