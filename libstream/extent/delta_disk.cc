#include "extent/delta_disk.h"

namespace hx {
namespace {

constexpr uint64_t kNear = 64 * kMiB;

class DeltaDisk : public DiskReader {
 public:
  DeltaDisk(std::shared_ptr<DiskReader> whole, const RangeSet& changed, DiskInfo info)
      : whole_(std::move(whole)), info_(std::move(info)) {
    info_.kind = DiskKind::kDelta;
    changed_ = intersect(changed, to_range_set(std::vector<Range>{{0, info_.size}}));
  }

  const DiskInfo& info() const override { return info_; }
  const std::string& name() const override { return whole_->name(); }
  uint64_t grain() const override { return whole_->grain(); }
  int readers() const override { return whole_->readers(); }
  FilePlace place_of(uint64_t offset) const override { return whole_->place_of(offset); }

  Result<ExtentList> map(uint64_t from, uint64_t to) const override {
    ExtentList list;
    if (from == to) return list;
    const RangeSet asked = {{from, to - from}}, changed = intersect(changed_, asked);
    for (size_t i = 0; i < changed.size();) {
      // A map is asked for once for many small ranges that are near each other: each question takes its time.
      size_t end = i + 1;
      while (end < changed.size() && changed[end].offset - changed[end - 1].end() <= kNear) ++end;
      const ExtentList part = HX_TRY(whole_->map(changed[i].offset, changed[end - 1].end()));
      const RangeSet here(changed.begin() + static_cast<ptrdiff_t>(i), changed.begin() + static_cast<ptrdiff_t>(end));
      const ExtentList clipped = clip(part, here);
      for (const MapEntry& entry : clipped.entries()) HX_TRY_IN(name(), list.append(entry));
      i = end;
    }
    return fill_gaps(list, asked, Kind::kAbsent);
  }
  Status read_at(uint64_t offset, MutableByteSpan out) const override { return whole_->read_at(offset, out); }
  Status check_unchanged() const override { return whole_->check_unchanged(); }

 private:
  const std::shared_ptr<DiskReader> whole_;
  DiskInfo info_;
  RangeSet changed_;
};

}  // namespace

std::shared_ptr<DiskReader> delta_of(std::shared_ptr<DiskReader> whole, const RangeSet& changed, DiskInfo info) {
  return std::make_shared<DeltaDisk>(std::move(whole), changed, std::move(info));
}

}  // namespace hx
