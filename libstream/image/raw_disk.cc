#include "image/raw_disk.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <chrono>

#include "base/clock.h"
#include "io/device_use.h"
#include "io/fd_io.h"
#include "io/hole_scan.h"

namespace hx {
namespace {

bool same_time(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

std::string time_text(const timespec& time) {
  using std::chrono::system_clock;
  const auto since_epoch = std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  return format_rfc3339(system_clock::time_point(std::chrono::duration_cast<system_clock::duration>(since_epoch)));
}

// "/srv/web-01.img" → "web-01"; other suffixes belong to the name ("web-01.example.org").
std::string disk_name(std::string_view path) {
  std::string_view leaf = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  for (const std::string_view suffix : {".img", ".raw", ".bin", ".dd"})
    if (leaf.size() > suffix.size() && leaf.ends_with(suffix))
      return to_leaf_name(leaf.substr(0, leaf.size() - suffix.size()));
  return to_leaf_name(leaf);
}

class RawDisk : public DiskReader {
 public:
  RawDisk(UniqueFd fd, std::string path, const struct stat& opened, DiskInfo info)
      : fd_(std::move(fd)), path_(std::move(path)), opened_(opened), info_(std::move(info)) {}

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
    const struct stat now = HX_TRY(stat_fd(fd_.get(), path_));
    const uint64_t size = HX_TRY(size_of_fd(fd_.get(), path_));
    if (size != info_.size) return changed("size", std::to_string(info_.size), std::to_string(size));
    if (!S_ISREG(now.st_mode)) return {};  // a device's times say nothing of its content
    if (!same_time(now.st_mtim, opened_.st_mtim))
      return changed("mtime", time_text(opened_.st_mtim), time_text(now.st_mtim));
    if (!same_time(now.st_ctim, opened_.st_ctim))
      return changed("ctime", time_text(opened_.st_ctim), time_text(now.st_ctim));
    return {};
  }

 private:
  Error changed(const std::string& what, const std::string& before, const std::string& after) const {
    return source_changed(path_ + ": changed while it was read (" + what + " " + before + ", now " + after + ")")
        .with_reason("source-changed")
        .with_hint("stop what writes to it, or read a snapshot of it");
  }

  const UniqueFd fd_;
  const std::string path_;
  const struct stat opened_;
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
  status = HX_TRY(stat_fd(fd.get(), path));
  DiskInfo info;
  info.key = "disk0";
  info.name = disk_name(path);
  info.size = HX_TRY(size_of_fd(fd.get(), path));
  if (const auto use = HX_TRY(who_uses(fd.get(), path, UseFor::kReading))) {
    if (options.in_use == InUse::kRefuse)
      return refused(path + ": " + *use)
          .with_reason("in-use")
          .with_hint("read a snapshot of it, or give --force: the copy may then be inconsistent, and says so");
    info.consistency = "none";
  }
  (void)::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);  // only advice
  return std::shared_ptr<DiskReader>(std::make_shared<RawDisk>(std::move(fd), path, status, std::move(info)));
}

}  // namespace hx
