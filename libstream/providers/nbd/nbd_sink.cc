#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/checked_math.h"
#include "extent/contiguous_end.h"
#include "extent/zero_detector.h"
#include "providers/nbd/nbd_client.h"
#include "providers/nbd/nbd_disk.h"

namespace hx {
namespace {

// Bytes in flight: enough that neither the server nor the threads that decompress wait for each other's pace.
constexpr uint64_t kMostInFlight = 8 * kMiB;

// put() begins the writes; whoever calls next hears of one that failed.
class NbdSink : public FileSink {
 public:
  NbdSink(std::unique_ptr<NbdClient> client, TargetContent was)
      : client_(std::move(client)), size_(client_->info().size), was_(was) {}

  Order order() const override { return Order::kAny; }

  Status begin_disk(const DiskInfo& info) override {
    if (has_disk_) return refused(name() + ": holds one disk, and the source has more");
    has_disk_ = true;
    contiguous_.start(info);
    return info.size == kUnknownSize ? Status() : expect_room(info.size);
  }

  Status put(Extent extent) override {
    { const std::lock_guard let_through(gate_); }
    HX_TRY(writes_.failed());
    if (!fits_within(extent.offset, extent.length, size_)) return too_small(extent.end());
    if (extent.kind == Kind::kAbsent) {
      contiguous_.done(extent.offset, extent.length);  // the target has the parent's bytes
      return {};
    }
    const auto pending = std::make_shared<Pending>(*this, std::move(extent));
    Status begun = begin(pending);
    if (!begun) writes_.fail(begun.error());
    return begun;
  }

  Status end_disk(const DiskTotals& totals) override {
    HX_TRY(writes_.wait());
    return expect_room(totals.size);
  }
  Status commit() override {
    HX_TRY(writes_.wait());
    HX_TRY(client_->flush());
    return client_->finish();
  }
  Status sync() override {
    if (!client_->info().flush) return unsupported(name() + ": the server cannot be told to make anything durable");
    // Else those that go on putting would keep it waiting for ever.
    const std::lock_guard hold_back(gate_);
    HX_TRY(writes_.wait());
    return client_->flush();
  }
  SinkCounts counts() const override { return {.written = written_, .zeroed = zeroed_, .skipped = skipped_}; }
  uint64_t contiguous_end() const override { return contiguous_.get(); }

  Status expect_room(uint64_t size) const { return size <= size_ ? Status() : Status(too_small(size)); }

 private:
  const std::string& name() const { return client_->name(); }
  Error too_small(uint64_t needed) const {
    return refused(name() + ": too small: " + std::to_string(size_) + " bytes, the disk has " +
                   (needed == kUnknownSize ? "more" : std::to_string(needed)));
  }
  uint64_t round_up(uint64_t offset) const {
    const uint64_t block = client_->info().min_block;
    return std::min(align_down(offset + block - 1, block), size_);
  }
  uint64_t round_down(uint64_t offset) const {
    return offset == size_ ? offset : align_down(offset, client_->info().min_block);
  }

  // An extent on its way: with the last of its requests it goes, and its data.
  struct Pending {
    Pending(NbdSink& s, Extent e) : sink(s), extent(std::move(e)) {}
    ~Pending() {
      if (sink.writes_.failed()) sink.contiguous_.done(extent.offset, extent.length);
    }
    Pending(const Pending&) = delete;
    NbdSink& sink;
    Extent extent;
  };
  using PendingRef = std::shared_ptr<Pending>;

  Status begin(const PendingRef& pending) {
    const Extent& extent = pending->extent;
    if (extent.kind == Kind::kZero) return make_zero(extent.offset, extent.length, pending);
    for (const MapEntry& entry : find_zeros(extent.offset, extent.data.bytes()))
      HX_TRY(entry.kind == Kind::kZero ? make_zero(entry.offset, entry.length, pending) : put_data(entry, pending));
    return {};
  }

  Status put_data(const MapEntry& entry, const PendingRef& pending) {
    const ByteSpan data =
        std::as_const(pending->extent.data).bytes().subspan(entry.offset - pending->extent.offset, entry.length);
    HX_TRY(on_blocks(
        entry.offset, entry.end(),
        [&](uint64_t from, uint64_t to) {
          client_->write(from, data.subspan(from - entry.offset, to - from), writes_, pending);
        },
        [&](uint64_t from, MutableByteSpan out) {
          std::copy_n(data.begin() + static_cast<ptrdiff_t>(from - entry.offset), out.size(), out.begin());
        }));
    written_ += entry.length;
    return {};
  }

  Status make_zero(uint64_t offset, uint64_t length, const PendingRef& pending) {
    if (was_ == TargetContent::kZeros) {
      skipped_ += length;
      return {};
    }
    HX_TRY(on_blocks(
        offset, offset + length, [&](uint64_t from, uint64_t to) { client_->zero(from, to - from, writes_, pending); },
        [](uint64_t, MutableByteSpan out) { std::fill(out.begin(), out.end(), std::byte{0}); }));
    zeroed_ += length;
    return {};
  }

  // [from, to) as the blocks that it has whole, and the parts of blocks at its ends, which `fill` changes in place.
  template <class Whole, class Fill>
  Status on_blocks(uint64_t from, uint64_t to, const Whole& whole, const Fill& fill) {
    const uint64_t first = round_up(from), last = round_down(to);
    if (first > last) return change_block(from, to, fill);  // within one block
    if (from < first) HX_TRY(change_block(from, first, fill));
    if (first < last) whole(first, last);
    if (last < to) HX_TRY(change_block(last, to, fill));
    return {};
  }
  // Its neighbours in the block may be put at the same time; blocks that are written whole are nobody's neighbours.
  template <class Fill>
  Status change_block(uint64_t from, uint64_t to, const Fill& fill) {
    std::lock_guard lock(part_of_block_);
    const uint64_t begin = align_down(from, client_->info().min_block), end = round_up(to);
    std::vector<std::byte> block(end - begin);
    HX_TRY(client_->read(begin, block));
    fill(from, MutableByteSpan(block).subspan(from - begin, to - from));
    return client_->write(begin, block);
  }

  ContiguousEnd contiguous_;
  NbdBatch writes_{kMostInFlight};
  const std::unique_ptr<NbdClient> client_;  // goes first: without a commit nobody waits for the rest of the writes
  const uint64_t size_;
  const TargetContent was_;
  bool has_disk_ = false;
  std::mutex part_of_block_;
  std::mutex gate_;  // put() comes in through it
  std::atomic<uint64_t> written_ = 0, zeroed_ = 0, skipped_ = 0;
};

}  // namespace

Result<std::unique_ptr<FileSink>> open_nbd_sink(const NbdServer& server, const NbdOptions& options, uint64_t needed) {
  auto client = HX_TRY(NbdClient::open(server, options));
  if (client->info().read_only)
    return Error{ErrorKind::kPermission, client->name() + ": the server offers it read-only", "", "read-only"};
  auto sink = std::make_unique<NbdSink>(std::move(client), options.was);
  HX_TRY(sink->expect_room(needed));
  return std::unique_ptr<FileSink>(std::move(sink));
}

}  // namespace hx
