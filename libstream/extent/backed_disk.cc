#include "extent/backed_disk.h"

#include <algorithm>

namespace hx {
namespace {

class BackedDisk : public DiskReader {
 public:
  BackedDisk(std::shared_ptr<const DiskReader> upper, std::shared_ptr<const DiskReader> lower)
      : upper_(std::move(upper)), lower_(std::move(lower)), info_(upper_->info()) {
    info_.kind = lower_->info().kind;
  }

  const DiskInfo& info() const override { return info_; }
  const std::string& name() const override { return upper_->name(); }
  uint64_t grain() const override { return std::max(upper_->grain(), lower_->grain()); }
  int readers() const override { return std::max(upper_->readers(), lower_->readers()); }

  Result<ExtentList> map(uint64_t from, uint64_t to) const override {
    const ExtentList upper = HX_TRY(upper_->map(from, to));
    ExtentList list;
    for (const MapEntry& entry : upper.entries()) {
      if (entry.kind != Kind::kAbsent) {
        HX_TRY_IN(name(), list.append(entry));
        continue;
      }
      const uint64_t end = lower_end(entry.offset, entry.end());
      if (entry.offset < end) {
        const ExtentList lower = HX_TRY(lower_->map(entry.offset, end));
        for (const MapEntry& one : lower.entries()) HX_TRY_IN(name(), list.append(one));
      }
      if (end < entry.end()) HX_TRY_IN(name(), list.append({end, entry.end() - end, Kind::kZero}));
    }
    return list;
  }

  Status read_at(uint64_t offset, MutableByteSpan out) const override {
    const ExtentList map = HX_TRY(upper_->map(offset, offset + out.size()));
    for (const MapEntry& entry : map.entries()) {
      const MutableByteSpan part = out.subspan(entry.offset - offset, entry.length);
      if (entry.kind == Kind::kData) {
        HX_TRY(upper_->read_at(entry.offset, part));
        continue;
      }
      const uint64_t end = entry.kind == Kind::kZero ? entry.offset : lower_end(entry.offset, entry.end());
      if (entry.offset < end) HX_TRY(lower_->read_at(entry.offset, part.first(end - entry.offset)));
      std::ranges::fill(part.subspan(end - entry.offset), std::byte{0});
    }
    return {};
  }

  Status check_unchanged() const override {
    HX_TRY(upper_->check_unchanged());
    return lower_->check_unchanged();
  }

 private:
  // Where of [from, to) the lower disk ends.
  uint64_t lower_end(uint64_t from, uint64_t to) const { return std::clamp(lower_->info().size, from, to); }

  const std::shared_ptr<const DiskReader> upper_, lower_;
  DiskInfo info_;
};

}  // namespace

std::shared_ptr<DiskReader> backed_disk(std::shared_ptr<const DiskReader> upper,
                                        std::shared_ptr<const DiskReader> lower) {
  return std::make_shared<BackedDisk>(std::move(upper), std::move(lower));
}

}  // namespace hx
