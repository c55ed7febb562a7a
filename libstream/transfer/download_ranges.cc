#include "transfer/download_ranges.h"

#include "base/is_zero.h"
#include "io/zero_range.h"
#include "net/range_download.h"

namespace hx {
namespace {

constexpr size_t kZeroStep = 64 * kKiB;  // shorter runs of zeros are written: a hole costs more than they do

// Each request within the limits.
class PacedReader : public RandomReader {
 public:
  PacedReader(const RandomReader& inner, const DownloadLimits& limits) : inner_(inner), limits_(limits) {}
  Result<uint64_t> size() const override { return inner_.size(); }
  const std::string& name() const override { return inner_.name(); }
  void cancel() const override { inner_.cancel(); }
  Status read_at(uint64_t offset, MutableByteSpan out) const override {
    if (limits_.rate) limits_.rate->spend(out.size());
    if (!limits_.slots) return inner_.read_at(offset, out);
    limits_.slots->acquire();
    Status status = inner_.read_at(offset, out);
    limits_.slots->release();
    return status;
  }

 private:
  const RandomReader& inner_;
  const DownloadLimits& limits_;
};

}  // namespace

Status put_sparse(PartFile& part, uint64_t offset, ByteSpan bytes) {
  while (!bytes.empty()) {
    const bool zero = is_zero(bytes.first(std::min(kZeroStep, bytes.size())));
    size_t length = std::min(kZeroStep, bytes.size());
    while (length < bytes.size()) {
      const size_t step = std::min(kZeroStep, bytes.size() - length);
      if (is_zero(bytes.subspan(length, step)) != zero) break;
      length += step;
    }
    if (zero)
      HX_TRY(zero_range(part.fd(), part.name(), offset, length));
    else
      HX_TRY(part.write_at(offset, bytes.first(length)));
    bytes = bytes.subspan(length);
    offset += length;
  }
  return {};
}

Status download_missing(const RandomReader& from, std::span<const ByteInterval> missing, const DownloadLimits& limits,
                        PartFile& to, const Written& written) {
  std::vector<FileRange> ranges;
  for (const ByteInterval& interval : missing) ranges.push_back({interval.begin, interval.end - interval.begin});
  RangeDownloadOptions options;
  options.connections = limits.connections;
  options.piece_size = limits.piece_size;
  options.delivery = Delivery::kAnyOrder;
  const PacedReader paced(from, limits);
  return download_ranges(paced, ranges, options, [&](uint64_t offset, Buffer data) -> Status {
    HX_TRY(put_sparse(to, offset, std::as_const(data).bytes()));
    return written(offset, offset + data.size());
  });
}

}  // namespace hx
