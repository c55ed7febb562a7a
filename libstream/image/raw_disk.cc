#include "image/raw_disk.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "checkpoint/validator.h"
#include "image/raw_object.h"
#include "io/device_use.h"
#include "io/fd_io.h"
#include "io/file_stamp.h"
#include "io/hole_scan.h"

namespace hx {
namespace {

class RawDisk : public DiskReader {
 public:
  RawDisk(UniqueFd fd, std::string path, const FileStamp& stamp, DiskInfo info)
      : fd_(std::move(fd)), path_(std::move(path)), stamp_(stamp), info_(std::move(info)) {}

  const DiskInfo& info() const override { return info_; }
  const std::string& name() const override { return path_; }

  Result<ExtentList> map(uint64_t from, uint64_t to) const override {
    if (to > info_.size) return bug(path_ + ": map beyond the end");
    ExtentList list;
    while (from < to) {
      const std::optional<DataRange> data = HX_TRY(next_data(fd_.get(), path_, from, to));
      const uint64_t begin = data ? data->begin : to, end = data ? data->end : to;
      if (from < begin) HX_TRY_IN(path_, list.append({from, begin - from, Kind::kZero}));
      if (begin < end) HX_TRY_IN(path_, list.append({begin, end - begin, Kind::kData}));
      from = end;
    }
    return list;
  }

  Status read_at(uint64_t offset, MutableByteSpan out) const override {
    const size_t got = HX_TRY(pread_fd(fd_.get(), path_, offset, out));
    if (got < out.size())
      return source_changed(path_ + ": ends at " + std::to_string(offset + got) + ", but was " +
                            std::to_string(info_.size) + " bytes long when it was opened")
          .with_reason("source-changed");
    return {};
  }

  FilePlace place_of(uint64_t offset) const override {
    struct stat now;
    if (info_.consistency == "none" || ::fstat(fd_.get(), &now) != 0 || !S_ISREG(now.st_mode)) return {};
    return {fd_.get(), offset};
  }

  Status check_unchanged() const override {
    if (info_.consistency == "none") return {};  // the user has been told, and the snapshot says so
    return stamp_.check(fd_.get(), path_);
  }

 private:
  const UniqueFd fd_;
  const std::string path_;
  const FileStamp stamp_;
  const DiskInfo info_;
};

}  // namespace

Result<std::shared_ptr<DiskReader>> open_raw_disk(const std::string& path, const RawDiskOptions& options) {
  struct stat status;
  // Before the open: that of a FIFO waits for a writer, that of a terminal or tape does more than look.
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return usage_error(path + ": is a directory, not a disk");
    if (!S_ISREG(status.st_mode) && !S_ISBLK(status.st_mode))
      return usage_error(path + ": neither a regular file nor a block device");
  }
  UniqueFd fd = HX_TRY(open_fd(path, O_RDONLY));
  const auto use = HX_TRY(who_uses(fd.get(), path, UseFor::kReading));
  if (use && options.in_use == InUse::kRefuse)
    return refused(path + ": " + *use)
        .with_reason("in-use")
        .with_hint("read a snapshot of it, or give --force: the copy may then be inconsistent, and says so");
  return raw_disk_of(std::move(fd), path, use.has_value());
}

Result<std::shared_ptr<DiskReader>> raw_disk_of(UniqueFd fd, const std::string& path, bool in_use) {
  const FileStamp stamp = HX_TRY(FileStamp::of(fd.get(), path));
  DiskInfo info;
  info.key = "disk0";
  info.name = disk_name_of(path);
  info.size = stamp.size();
  if (in_use) info.consistency = "none";
  // A device's times say nothing of its content.
  if (!in_use && S_ISREG(stamp.status().st_mode)) info.validator = file_validator(stamp.status()).text();
  (void)::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);  // only advice
  return std::shared_ptr<DiskReader>(std::make_shared<RawDisk>(std::move(fd), path, stamp, std::move(info)));
}

}  // namespace hx
