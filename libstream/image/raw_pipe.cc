#include "image/raw_pipe.h"

#include <algorithm>
#include <deque>

#include "extent/zero_detector.h"

namespace hx {
namespace {

class RawPipe : public ExtentSource {
 public:
  RawPipe(ByteReader& in, BufferPool& pool, uint64_t size, std::string name)
      : in_(in), pool_(pool), size_(size), name_(to_leaf_name(name)) {}

  Result<std::optional<DiskInfo>> next_disk() override {
    if (std::exchange(has_begun_, true)) return std::optional<DiskInfo>();
    DiskInfo info;
    info.key = "disk0";
    info.name = name_;
    info.size = size_;
    return std::optional(std::move(info));
  }

  Result<std::optional<Extent>> next() override {
    if (ready_.empty()) HX_TRY(read_piece());
    if (ready_.empty()) return std::optional<Extent>();
    Extent extent = std::move(ready_.front());
    ready_.pop_front();
    (extent.kind == Kind::kData ? totals_.data_bytes : totals_.zero_bytes) += extent.length;
    return std::optional(std::move(extent));
  }

  DiskTotals totals() const override { return totals_; }

 private:
  // The next MiB; at the end nothing, once the size is proven.
  Status read_piece() {
    const uint64_t offset = totals_.size;
    const uint64_t due = std::min(kMaxPayload, size_ - offset);  // of an unknown size: always a whole one
    size_t got = 0;
    if (due > 0 && !is_at_end_) {
      Buffer buffer = pool_.acquire(due);
      got = HX_TRY(in_.read_full(buffer.bytes()));
      is_at_end_ = got < due;
      totals_.size += got;
      if (size_ != kUnknownSize && is_at_end_)
        return damaged(in_.name() + ": ended at " + std::to_string(totals_.size) + ", but should be " +
                       std::to_string(size_) + " bytes long");
      if (got > 0) {
        std::vector<Extent> extents;
        split_zeros({offset, got, Kind::kData, buffer.slice(0, got)}, extents);
        std::ranges::move(extents, std::back_inserter(ready_));
      }
    }
    return got > 0 ? Status() : check_end();
  }

  Status check_end() {
    if (size_ == kUnknownSize) {
      if (totals_.size > 0) return {};
      return damaged(in_.name() + ": is empty")
          .with_reason("empty")
          .with_hint("the command before this one in the pipeline has failed, or wrote nothing");
    }
    std::byte more;
    if (HX_TRY(in_.read_some({&more, 1})) > 0)
      return damaged(in_.name() + ": goes on behind " + std::to_string(size_) + ", where it should end");
    return {};
  }

  ByteReader& in_;
  BufferPool& pool_;
  const uint64_t size_;
  const std::string name_;
  bool has_begun_ = false, is_at_end_ = false;
  std::deque<Extent> ready_;
  DiskTotals totals_;
};

}  // namespace

std::unique_ptr<ExtentSource> raw_pipe(ByteReader& in, BufferPool& pool, uint64_t size, std::string name) {
  return std::make_unique<RawPipe>(in, pool, size, std::move(name));
}

}  // namespace hx
