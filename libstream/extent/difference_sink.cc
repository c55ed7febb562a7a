#include "extent/difference_sink.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/is_zero.h"
#include "extent/contiguous_end.h"

namespace hx {
namespace {

class DifferenceSink : public FileSink {
 public:
  DifferenceSink(std::unique_ptr<FileSink> to, std::shared_ptr<const DiskReader> content)
      : to_(std::move(to)), content_(std::move(content)) {}

  Order order() const override { return to_->order(); }
  Status begin_disk(const DiskInfo& info) override {
    contiguous_.start(info);
    return to_->begin_disk(info);
  }

  Status put(Extent extent) override {
    const uint64_t offset = extent.offset, length = extent.length;
    const bool is_known = extent.kind != Kind::kAbsent && extent.end() <= content_->info().size;
    if (!is_known)
      HX_TRY(to_->put(std::move(extent)));  // what lies outside is refused there
    else
      HX_TRY(extent.kind == Kind::kZero ? put_zeros(extent) : put_differing(extent, extent.offset, extent.length));
    contiguous_.done(offset, length);
    return {};
  }

  Status end_disk(const DiskTotals& totals) override { return to_->end_disk(totals); }
  Status commit() override { return to_->commit(); }
  void abort(const Error& error) override { to_->abort(error); }
  SinkCounts counts() const override {
    SinkCounts counts = to_->counts();
    counts.equal = equal_;
    return counts;
  }
  uint64_t contiguous_end() const override { return contiguous_.get(); }

 private:
  // Holes need not be read.
  Status put_zeros(const Extent& extent) {
    const ExtentList map = HX_TRY(content_->map(extent.offset, extent.end()));
    for (const MapEntry& entry : map.entries()) {
      if (entry.kind == Kind::kZero)
        equal_ += entry.length;
      else
        for (uint64_t done = 0; done < entry.length; done += std::min(entry.length - done, kMaxPayload))
          HX_TRY(put_differing(extent, entry.offset + done, std::min(entry.length - done, kMaxPayload)));
    }
    return {};
  }

  // [offset, offset + length) of the extent, at most kMaxPayload bytes of a zero extent, all of a data extent.
  Status put_differing(const Extent& extent, uint64_t offset, uint64_t length) {
    thread_local std::vector<std::byte> there;
    there.resize(length);
    HX_TRY(content_->read_at(offset, there));
    const auto fits = [&](uint64_t begin, uint64_t end) {
      const ByteSpan block = ByteSpan(there).subspan(begin - offset, end - begin);
      if (extent.kind == Kind::kZero) return is_zero(block);
      return std::memcmp(block.data(), extent.data.bytes().data() + (begin - extent.offset), block.size()) == 0;
    };
    // Neighbouring blocks that differ go on as one.
    uint64_t differs_from = offset;
    for (uint64_t at = offset; at < offset + length;) {
      const uint64_t end = std::min(offset + length, (at / kDifferenceGrid + 1) * kDifferenceGrid);
      if (fits(at, end)) {
        HX_TRY(pass_on(extent, differs_from, at));
        equal_ += end - at;
        differs_from = end;
      }
      at = end;
    }
    return pass_on(extent, differs_from, offset + length);
  }

  Status pass_on(const Extent& extent, uint64_t begin, uint64_t end) {
    if (begin == end) return {};
    Extent piece{begin, end - begin, extent.kind, {}};
    if (piece.kind == Kind::kData) piece.data = extent.data.slice(begin - extent.offset, piece.length);
    return to_->put(std::move(piece));
  }

  const std::unique_ptr<FileSink> to_;
  const std::shared_ptr<const DiskReader> content_;
  ContiguousEnd contiguous_;
  std::atomic<uint64_t> equal_ = 0;
};

}  // namespace

std::unique_ptr<FileSink> difference_sink(std::unique_ptr<FileSink> to, std::shared_ptr<const DiskReader> content) {
  return std::make_unique<DifferenceSink>(std::move(to), std::move(content));
}

}  // namespace hx
