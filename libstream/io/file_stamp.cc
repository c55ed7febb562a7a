#include "io/file_stamp.h"

#include <chrono>

#include "base/clock.h"
#include "io/fd_io.h"

namespace hx {
namespace {

bool same_time(const timespec& a, const timespec& b) { return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec; }

std::string time_text(const timespec& time) {
  using std::chrono::system_clock;
  const auto since_epoch = std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  return format_rfc3339(system_clock::time_point(std::chrono::duration_cast<system_clock::duration>(since_epoch)));
}

Error changed(const std::string& name, const std::string& what, const std::string& before, const std::string& after) {
  return source_changed(name + ": changed while it was read (" + what + " " + before + ", now " + after + ")")
      .with_reason("source-changed")
      .with_hint("stop what writes to it, or read a snapshot of it");
}

}  // namespace

Result<FileStamp> FileStamp::of(int fd, const std::string& name) {
  FileStamp stamp;
  stamp.status_ = HX_TRY(stat_fd(fd, name));
  stamp.size_ = HX_TRY(size_of_fd(fd, name));
  return stamp;
}

Status FileStamp::check(int fd, const std::string& name) const {
  const FileStamp now = HX_TRY(of(fd, name));
  if (now.size_ != size_) return changed(name, "size", std::to_string(size_), std::to_string(now.size_));
  if (!S_ISREG(status_.st_mode)) return {};
  const auto& [before, after] = std::pair(status_, now.status_);
  if (!same_time(before.st_mtim, after.st_mtim))
    return changed(name, "mtime", time_text(before.st_mtim), time_text(after.st_mtim));
  if (!same_time(before.st_ctim, after.st_ctim))
    return changed(name, "ctime", time_text(before.st_ctim), time_text(after.st_ctim));
  return {};
}

}  // namespace hx
