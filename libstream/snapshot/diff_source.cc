#include "snapshot/diff_source.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "base/checked_math.h"
#include "hash/digest_tree.h"
#include "io/ordered_workers.h"
#include "snapshot/diff_chunk.h"

namespace hx {
namespace {

using Known = ChunkLeaf::Known;
constexpr size_t kPlannedAhead = 65536;  // leaves of chunks that need no worker, behind one that is being compared

// Whole chunks that a map shows as zeros. Asked for in ascending order.
class ZeroChunks {
 public:
  explicit ZeroChunks(ExtentList map) : map_(std::move(map)) {}
  bool has(const Range& chunk) {
    const std::vector<MapEntry>& entries = map_.entries();
    while (at_ < entries.size() && entries[at_].end() <= chunk.offset) ++at_;
    return at_ < entries.size() && entries[at_].kind == Kind::kZero && entries[at_].offset <= chunk.offset &&
           chunk.end() <= entries[at_].end();
  }

 private:
  const ExtentList map_;
  size_t at_ = 0;
};

// What is known of a side's chunks, by its index and its map.
class Facts {
 public:
  static Result<Facts> of(const DiffSide& side) {
    ExtentList map = HX_TRY(side.disk->map(0, side.disk->info().size));
    return Facts(side.leaves ? side.leaves() : nullptr, std::move(map));
  }
  Result<ChunkLeaf> at(uint64_t number, const Range& chunk) {
    ChunkLeaf leaf;
    if (leaves_) leaf = HX_TRY(leaves_->at(number));
    if (zeros_.has(chunk) && leaf.known != Known::kLeaf) leaf.known = Known::kZero;
    if (leaf.known == Known::kAbsent) leaf.known = Known::kUnknown;
    return leaf;
  }

 private:
  Facts(std::unique_ptr<ChunkLeaves> leaves, ExtentList map) : leaves_(std::move(leaves)), zeros_(std::move(map)) {}
  std::unique_ptr<ChunkLeaves> leaves_;
  ZeroChunks zeros_;
};

// The tree of the new state, while its leaves are known. Runs of zeros wait: they take no time then.
class LeafTree {
 public:
  explicit LeafTree(uint32_t chunk_size) : tree_(chunk_size), chunk_size_(chunk_size) {}
  void add(const ChunkLeaf& leaf, uint64_t length) {
    is_known_ &= leaf.known == Known::kZero || leaf.known == Known::kLeaf;
    if (!is_known_) return;
    if (leaf.known == Known::kZero && length == chunk_size_) {
      ++zeros_;
      return;
    }
    tree_.add_zero_chunks(std::exchange(zeros_, 0));
    tree_.add(leaf.known == Known::kZero ? zero_leaf(length) : leaf.leaf);
  }
  std::optional<Digest> identity(uint64_t size) {
    if (!is_known_) return std::nullopt;
    tree_.add_zero_chunks(std::exchange(zeros_, 0));
    return tree_.identity(size);
  }

 private:
  DigestTree tree_;
  const uint64_t chunk_size_;
  uint64_t zeros_ = 0;
  bool is_known_ = true;
};

class DiffSource : public ExtentSource {
 public:
  DiffSource(DiffSide before, DiffSide after, DiskInfo info, const DiffOptions& options)
      : before_(std::move(before)),
        after_(std::move(after)),
        info_(std::move(info)),
        options_(options),
        tree_(options.chunk_size),
        window_(static_cast<size_t>(options.threads) * 3 + 2),
        pool_(options.chunk_size, 2 * window_ + static_cast<size_t>(options.threads)) {
    info_.kind = DiskKind::kDelta;
    info_.size = after_.disk->info().size;
    info_.chunk_size = options.chunk_size;
  }

  Result<std::optional<DiskInfo>> next_disk() override {
    if (workers_) return std::optional<DiskInfo>();
    if (before_.disk->info().size != info_.size)
      return Error{ErrorKind::kFullRequired,
                   after_.disk->name() + ": has " + std::to_string(info_.size) + " bytes, and had " +
                       std::to_string(before_.disk->info().size),
                   "what changed its size needs a full snapshot", "size-changed"};
    facts_before_.emplace(HX_TRY(Facts::of(before_)));
    facts_after_.emplace(HX_TRY(Facts::of(after_)));
    workers_.emplace(options_.threads, window_, [this](DiffJob&& job, int) {
      return ChunkComparison(*before_.disk, *after_.disk, options_, pool_).compare(job);
    });
    return std::optional(info_);
  }

  Result<std::optional<Extent>> next() override {
    while (ready_.empty()) {
      std::ranges::move(std::exchange(next_digests_, {}), std::back_inserter(digests_));
      HX_TRY(plan());
      auto diffed = HX_TRY(workers_->next());
      if (!diffed) return finish();
      take(std::move(*diffed));
    }
    if (auto absent = absent_before(ready_.front().offset)) return absent;
    Extent extent = std::move(ready_.front());
    ready_.pop_front();
    given_ = extent.end();
    (extent.kind == Kind::kData ? totals_.data_bytes : totals_.zero_bytes) += extent.length;
    return std::optional(std::move(extent));
  }
  std::vector<ChunkDigest> take_digests() override { return std::exchange(digests_, {}); }
  DiskTotals totals() const override { return totals_; }

 private:
  // A chunk that is planned, and not yet in the tree.
  struct Planned {
    uint64_t length;
    std::optional<ChunkLeaf> leaf;  // nullopt: a worker says
  };

  uint64_t chunk_count() const { return divide_round_up(info_.size, options_.chunk_size); }

  Status plan() {
    while (number_ < chunk_count() && workers_->has_room() && planned_.size() < kPlannedAhead) {
      const uint64_t offset = number_ * options_.chunk_size;
      const Range chunk{offset, std::min<uint64_t>(options_.chunk_size, info_.size - offset)};
      DiffJob job{chunk, HX_TRY(facts_before_->at(number_, chunk)), HX_TRY(facts_after_->at(number_, chunk))};
      ++number_;
      const bool is_same = job.before == job.after && job.after.known != Known::kUnknown;
      if (is_same || !may_have_changed(chunk)) {
        // Outside of what may have changed it is what it was.
        planned_.push_back({chunk.length, job.after.known == Known::kUnknown ? job.before : job.after});
        settle();
      } else {
        planned_.push_back({chunk.length, std::nullopt});
        HX_TRY(workers_->submit(std::move(job)));
      }
    }
    if (number_ == chunk_count()) workers_->close();
    return {};
  }

  bool may_have_changed(const Range& chunk) {
    if (!options_.within) return true;
    const RangeSet& set = *options_.within;
    while (within_ < set.size() && set[within_].end() <= chunk.offset) ++within_;
    return within_ < set.size() && set[within_].offset < chunk.end();
  }

  // What is known up to the first chunk that a worker has.
  void settle() {
    while (!planned_.empty() && planned_.front().leaf) {
      tree_.add(*planned_.front().leaf, planned_.front().length);
      planned_.pop_front();
    }
  }

  void take(DiffedChunk diffed) {
    planned_.front().leaf = diffed.after;
    settle();
    const bool has_digest = diffed.after.known == Known::kLeaf && !diffed.changes.empty() && !diffed.is_whole;
    if (has_digest) next_digests_.push_back({diffed.chunk, diffed.after.leaf});
    std::ranges::move(diffed.changes, std::back_inserter(ready_));
  }

  std::optional<Extent> absent_before(uint64_t offset) {
    if (given_ >= offset) return std::nullopt;
    const uint64_t begin = std::exchange(given_, offset);
    return Extent{begin, offset - begin, Kind::kAbsent, {}};
  }

  Result<std::optional<Extent>> finish() {
    if (auto absent = absent_before(info_.size)) return absent;
    HX_TRY(before_.disk->check_unchanged());
    HX_TRY(after_.disk->check_unchanged());
    totals_.size = info_.size;
    totals_.tree = tree_.identity(info_.size);
    return std::optional<Extent>();
  }

  const DiffSide before_, after_;
  DiskInfo info_;
  const DiffOptions options_;
  LeafTree tree_;
  const size_t window_;
  BufferPool pool_;
  std::optional<Facts> facts_before_, facts_after_;
  uint64_t number_ = 0;  // of the chunk to be planned next
  size_t within_ = 0;
  std::deque<Planned> planned_;
  std::deque<Extent> ready_;
  std::vector<ChunkDigest> digests_, next_digests_;
  uint64_t given_ = 0;
  DiskTotals totals_;
  std::optional<OrderedWorkers<DiffJob, DiffedChunk>> workers_;  // last: its threads end before what they use
};

}  // namespace

std::unique_ptr<ExtentSource> diff_source(DiffSide before, DiffSide after, DiskInfo info, const DiffOptions& options) {
  return std::make_unique<DiffSource>(std::move(before), std::move(after), std::move(info), options);
}

}  // namespace hx
