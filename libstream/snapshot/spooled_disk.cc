#include "snapshot/spooled_disk.h"

#include <unistd.h>

#include <cerrno>

#include "base/checked_math.h"
#include "extent/extent_algebra.h"
#include "io/fd_io.h"
#include "io/spool_file.h"

namespace hx {
namespace {

class SpooledDisk : public DiskReader {
 public:
  SpooledDisk(UniqueFd fd, DiskInfo info, ExtentList map, std::string name)
      : fd_(std::move(fd)), info_(std::move(info)), map_(std::move(map)), name_(std::move(name)) {}

  const DiskInfo& info() const override { return info_; }
  const std::string& name() const override { return name_; }
  Result<ExtentList> map(uint64_t from, uint64_t to) const override {
    return from == to ? ExtentList() : clip(map_, {{from, to - from}});
  }
  Status read_at(uint64_t offset, MutableByteSpan out) const override {
    if (!fits_within(offset, out.size(), info_.size)) return bug(name_ + ": a read behind the disk's end");
    const size_t got = HX_TRY(pread_fd(fd_.get(), name_, offset, out));
    return got == out.size() ? Status() : bug(name_ + ": its temporary file is cut short");
  }
  Status check_unchanged() const override { return {}; }  // the file is ours alone

 private:
  const UniqueFd fd_;
  const DiskInfo info_;
  const ExtentList map_;
  const std::string name_;
};

}  // namespace

Result<std::shared_ptr<DiskReader>> spool_disk(ExtentSource& source, const std::string& name,
                                               const std::string& directory) {
  auto info = HX_TRY(source.next_disk());
  if (!info) return damaged(name + ": holds no disk");
  if (info->kind != DiskKind::kFull) return unsupported(name + ": is no whole disk");
  UniqueFd fd = HX_TRY(open_spool_file(directory));
  const std::string spool = "temporary file in " + directory;
  ExtentList map;
  while (const auto extent = HX_TRY(source.next())) {
    HX_TRY(map.append({extent->offset, extent->length, extent->kind}));
    if (extent->kind == Kind::kData) HX_TRY(pwrite_fd(fd.get(), spool, extent->offset, extent->data.bytes()));
  }
  info->size = source.totals().size;
  if (ftruncate(fd.get(), static_cast<off_t>(info->size)) < 0) return system_error(errno, spool + ": truncate");
  if (HX_TRY(source.next_disk())) return unsupported(name + ": holds several disks");
  return std::shared_ptr<DiskReader>(
      std::make_shared<SpooledDisk>(std::move(fd), std::move(*info), std::move(map), name));
}

}  // namespace hx
