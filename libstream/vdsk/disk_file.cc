#include "vdsk/disk_file.h"

#include <fcntl.h>
#include <unistd.h>

#include "io/device_use.h"
#include "io/fd_io.h"
#include "io/qemu_locks.h"

namespace hx {
namespace {

class LocalDiskFile : public DiskFile {
 public:
  LocalDiskFile(UniqueFd fd, std::string path) : file_(std::move(fd), std::move(path)) {}

  Result<uint64_t> size() const override { return file_.size(); }
  Status read_at(uint64_t offset, MutableByteSpan out) const override { return file_.read_at(offset, out); }
  const std::string& name() const override { return file_.name(); }

  Status write_at(uint64_t offset, ByteSpan bytes) override { return pwrite_fd(file_.fd(), name(), offset, bytes); }
  Status resize(uint64_t size) override {
    if (::ftruncate(file_.fd(), static_cast<off_t>(size)) != 0) return system_error(errno, name() + ": truncate");
    return {};
  }
  Status sync() override {
    if (::fdatasync(file_.fd()) != 0) return system_error(errno, name() + ": sync");
    return {};
  }
  Status punch(uint64_t offset, uint64_t length) override {
    if (::fallocate(file_.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                    static_cast<off_t>(length)) == 0)
      return {};
    if (errno == EOPNOTSUPP || errno == ENODEV) return {};
    return system_error(errno, name() + ": punch a hole at " + std::to_string(offset));
  }

 private:
  const FileReader file_;
};

}  // namespace

Result<std::unique_ptr<DiskFile>> open_disk_file_for_writing(const std::string& path, QemuLocks locks) {
  struct stat status;
  if (::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
    return usage_error(path + ": is not a regular file");
  UniqueFd fd = HX_TRY(open_fd(path, O_RDWR));
  if (locks == QemuLocks::kTake) HX_TRY(take_qemu_locks(fd.get(), path, UseFor::kWriting));
  // Its look at QEMU's locks does not see those that fd itself has.
  if (const auto use = HX_TRY(who_uses(fd.get(), path, UseFor::kWriting)); use && locks == QemuLocks::kTake)
    return refused(path + ": " + *use).with_reason("in-use");
  return disk_file_of(std::move(fd), path);
}

std::unique_ptr<DiskFile> disk_file_of(UniqueFd fd, const std::string& name) {
  return std::make_unique<LocalDiskFile>(std::move(fd), name);
}

}  // namespace hx
