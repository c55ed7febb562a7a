#include <thread>

#include "base/is_zero.h"
#include "codec/zstd_codec.h"
#include "hash/sha256.h"
#include "io/bounded_queue.h"
#include "snapshot/snapshot_source.h"

namespace hx {
namespace {

constexpr size_t kPieces = 16;  // decoded ahead

class PlainSource : public ExtentSource {
 public:
  PlainSource(ByteReader& in, const SnapshotHeader& header)
      : in_(in),
        name_(in.name()),
        size_(header.size),
        checksum_(header.checksum),
        body_offset_(header.body_offset()),
        zstd_(in, header.body_offset(),
              [this](uint32_t magic, uint64_t offset) { return look_at_skippable(magic, offset); }) {
    info_.key = "disk0";
    info_.name = header.name.empty() ? "" : to_leaf_name(header.name);
    info_.size = header.size;
  }
  ~PlainSource() override {
    queue_.fail(bug("the source was given up"));
    in_.cancel();
    if (decoding_.joinable()) decoding_.join();
  }

  Result<std::optional<DiskInfo>> next_disk() override {
    if (decoding_.joinable()) return std::optional<DiskInfo>();
    decoding_ = std::thread([this] { decode(); });
    return std::optional<DiskInfo>(info_);
  }

  Result<std::optional<Extent>> next() override {
    auto item = HX_TRY(queue_.pop());
    if (!item) {
      HX_TRY(check_end());
      return std::optional<Extent>();
    }
    Extent extent;
    extent.offset = hashed_;
    extent.length = item->size();
    hasher_.update(std::as_const(*item).bytes());
    hashed_ += item->size();
    extent.kind = is_zero(std::as_const(*item).bytes()) ? Kind::kZero : Kind::kData;
    if (extent.kind == Kind::kData) extent.data = std::move(*item);
    (extent.kind == Kind::kData ? totals_.data_bytes : totals_.zero_bytes) += extent.length;
    return std::optional<Extent>(std::move(extent));
  }

  DiskTotals totals() const override { return totals_; }

 private:
  Status look_at_skippable(uint32_t magic, uint64_t offset) const {
    if (magic != mirn::kPageMagic && magic != mirn::kDirectoryMagic) return {};
    return damaged(name_ + ": at " + std::to_string(offset) +
                   ": an index that the header does not tell of: the header is damaged");
  }

  void decode() {
    for (uint64_t done = 0;;) {
      Buffer buffer = pool_.acquire(kMaxPayload);
      auto got = zstd_.read_full(buffer.bytes());
      Status status = got ? Status() : Status(std::move(got).error());
      if (status && *got > size_ - done)
        status = damaged(name_ + ": at " + std::to_string(body_offset_) + ": the content is longer than the " +
                         std::to_string(size_) + " bytes that the header says");
      if (status && *got > 0) status = queue_.push(buffer.slice(0, *got));
      if (!status) return queue_.fail(std::move(status).error());
      done += *got;
      if (*got < kMaxPayload) return queue_.close();
    }
  }

  Status check_end() {
    if (hashed_ != size_)
      return damaged(name_ + ": at " + std::to_string(body_offset_) + ": the content has " + std::to_string(hashed_) +
                     " bytes, the header says " + std::to_string(size_));
    const Digest digest = hasher_.finish();
    totals_.size = size_;
    totals_.image_digest = digest;
    if (digest == checksum_) return {};
    return damaged(name_ + ": at 12: checksum mismatch: expected " + checksum_.hex() + ", got " + digest.hex());
  }

  ByteReader& in_;
  const std::string name_;
  const uint64_t size_;
  const Digest checksum_;
  const uint64_t body_offset_;
  DiskInfo info_;
  DiskTotals totals_;
  ZstdStreamReader zstd_;  // of the decoding thread
  BufferPool pool_{kMaxPayload, kPieces + 4};
  BoundedQueue<Buffer> queue_{kPieces};
  Sha256 hasher_;
  uint64_t hashed_ = 0;
  std::thread decoding_;
};

}  // namespace

std::unique_ptr<ExtentSource> plain_source(ByteReader& in, const SnapshotHeader& header) {
  return std::make_unique<PlainSource>(in, header);
}

}  // namespace hx
