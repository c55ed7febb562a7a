#include "snapshot/snapshot_sink.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <mutex>
#include <thread>

#include "io/ordered_workers.h"
#include "io/thread_priority.h"
#include "snapshot/chunk_packer.h"
#include "snapshot/chunk_plan.h"
#include "snapshot/delta_assembler.h"
#include "snapshot/image_hasher.h"

namespace hx {
namespace {

constexpr size_t kHeadSize = 128 * kKiB;  // what a superblock probe wants to see
// Two passes may be this far apart: little against any machine's page cache, much against their difference in pace.
constexpr uint64_t kPaceLead = kGiB;

struct PackJob {
  Chunk chunk;
  const DiskReader* disk = nullptr;  // set: the worker reads the chunk
};

// Budget: half for what comes in (the source's buffers), a quarter for chunks that come in pieces, a quarter for frames
// on their way out.
size_t frames_in_flight(const PackOptions& o) {
  const size_t frames = o.memory / 4 / max_frame_size(o.chunk_size);
  return std::clamp<size_t>(frames, static_cast<size_t>(o.threads) + 2, static_cast<size_t>(o.threads) * 8 + 8);
}

// The threads between put() and the output: workers pack, one thread writes what they have packed, in order.
class PackingLine {
 public:
  PackingLine(SnapshotWriter& writer, const PackOptions& o)
      : writer_(writer),
        on_failure_(o.on_failure),
        frames_(max_frame_size(o.chunk_size), frames_in_flight(o) + static_cast<size_t>(o.threads)),
        packers_(make_packers(o)),
        workers_(o.threads, frames_in_flight(o), [this](PackJob&& job, int worker) { return pack(job, worker); }),
        writing_([this] { write(); }) {}
  ~PackingLine() {
    given_up_ = true;
    workers_.fail(bug("the packing was given up"));
    if (writing_.joinable()) writing_.join();
  }

  Status submit(PackJob job) { return workers_.submit(std::move(job)); }
  // Waits until all is written. The fold of the chunks that the workers read.
  Result<uint64_t> finish() {
    workers_.close();
    if (writing_.joinable()) writing_.join();
    if (error_) return std::move(*error_);
    return fold_.value();
  }

 private:
  std::vector<ChunkPacker> make_packers(const PackOptions& o) {
    std::vector<ChunkPacker> packers;
    for (int i = 0; i < o.threads; ++i) packers.emplace_back(o.level, o.chunk_size, frames_);
    return packers;
  }
  Result<PackedChunk> pack(const PackJob& job, int worker) {
    // The image's SHA-256 is one thread's: on a disk with large holes all wait for it in the end.
    let_others_go_first();
    ChunkPacker& packer = packers_[static_cast<size_t>(worker)];
    if (job.disk && job.chunk.kind == Kind::kData) return packer.read_and_pack(*job.disk, job.chunk.extent);
    return packer.pack(job.chunk);
  }
  void write() {
    for (;;) {
      auto packed = workers_.next();
      if (packed && !*packed) return;
      Status status = packed ? write_one(std::move(**packed)) : Status(std::move(packed).error());
      if (status) continue;
      error_ = std::move(status).error();
      workers_.fail(Error(*error_));
      if (!given_up_) on_failure_(*error_);
      return;
    }
  }
  Status write_one(PackedChunk chunk) {
    if (chunk.content_check) fold_.add(*chunk.content_check);
    return writer_.add(std::move(chunk));
  }

  SnapshotWriter& writer_;
  const std::function<void(const Error&)> on_failure_;
  BufferPool frames_;
  std::vector<ChunkPacker> packers_;
  CheckFold fold_;              // of the writing thread
  std::optional<Error> error_;  // of the writing thread, until it is joined
  std::atomic<bool> given_up_ = false;
  OrderedWorkers<PackJob, PackedChunk> workers_;
  std::thread writing_;
};

// For chunks that arrive in pieces.
std::unique_ptr<BufferPool> make_pool(const PackOptions& options) {
  return std::make_unique<BufferPool>(options.chunk_size, std::max<size_t>(options.memory / 4 / options.chunk_size, 4));
}

class SnapshotSinkOfOneDisk : public SnapshotSink {
 public:
  SnapshotSinkOfOneDisk(SnapshotOutput& output, const PackOptions& options, std::optional<BegunSnapshot> begun)
      : output_(output), options_(options), begun_snapshot_(std::move(begun)), pool_(make_pool(options)) {}
  ~SnapshotSinkOfOneDisk() override {
    line_.reset();
    if (!committed_) output_.abandon();
  }

  Order order() const override { return Order::kAscending; }
  const PackTotals& totals() const override { return totals_; }

  Status begin_disk(const DiskInfo& info) override {
    HX_TRY(begin(info));
    if (info_.kind == DiskKind::kDelta) return begin_delta();
    if (options_.image_digest == ImageDigest::kSerial) HX_TRY(start_hasher());
    assembler_ = std::make_unique<ChunkAssembler>(
        options_.chunk_size, *pool_, [this](Chunk chunk) { return take_chunk(std::move(chunk)); },
        info.resume ? info.resume->from : 0);
    if (begun_snapshot_) line_ = std::make_unique<PackingLine>(*writer_, options_);
    return {};
  }

  Status put(Extent extent) override {
    return delta_ ? delta_->put(std::move(extent)) : assembler_->put(std::move(extent));
  }
  Status put_digest(const ChunkDigest& digest) override {
    if (delta_) delta_->put_digest(digest);
    return {};
  }

  Status end_disk(const DiskTotals& totals) override {
    if (delta_) return end_delta(totals);
    HX_TRY(assembler_->finish());
    const uint64_t size = info_.size == kUnknownSize ? totals.size : info_.size;
    if (assembler_->end() != size)
      return damaged("the disk ends at " + std::to_string(assembler_->end()) + " of " + std::to_string(size));
    HX_TRY(start_with_head());
    HX_TRY(line_->finish());
    std::optional<Digest> digest;
    if (hasher_) digest = hasher_->finish();
    if (digest && totals.image_digest && *digest != *totals.image_digest)
      return damaged("the image's SHA-256 is not what its source computed");
    return end(size, digest);
  }

  Status put_disk(const DiskReader& disk, const ExtentList& map, DiskProgress* progress,
                  RateLimiter* limiter) override {
    HX_TRY(begin(disk.info()));
    head_.resize(std::min<uint64_t>(kHeadSize, info_.size));
    HX_TRY(disk.read_at(0, head_));
    HX_TRY(start_with_head());
    Pace pace(kPaceLead);
    std::unique_ptr<DiskHasher> hasher;
    if (options_.image_digest == ImageDigest::kSerial)
      hasher = std::make_unique<DiskHasher>(disk, map, options_.chunk_size, pace);
    else
      pace.finish(Pace::Pass::kHashing);
    Status packed = pack_disk(disk, map, pace, progress, limiter);
    pace.finish(Pace::Pass::kPacking);
    HX_TRY(std::move(packed));
    const uint64_t fold = HX_TRY(line_->finish());
    std::optional<Digest> digest;
    if (hasher) {
      const DiskHasher::Answer answer = HX_TRY(hasher->finish());
      HX_TRY(disk.check_unchanged());
      if (answer.fold != fold) return source_changed(disk.name() + ": changed while it was read (two passes differ)");
      digest = answer.digest;
    } else {
      HX_TRY(disk.check_unchanged());
    }
    return end(info_.size, digest);
  }

  Result<SealedSnapshot> seal() override {
    SealedSnapshot sealed;
    sealed.state = state_;
    sealed.chunk_size = options_.chunk_size;
    sealed.point = HX_TRY(writer_->seal());
    std::lock_guard lock(mutex_);
    if (hasher_) hashed_ = hasher_->state_before(sealed.point.from);
    sealed.image_digest = hashed_;
    return sealed;
  }

  Status stop() override {
    if (line_) HX_TRY(line_->finish());
    return {};
  }

  Status commit() override {
    if (!ended_) return bug("a snapshot is committed before its disk has ended");
    totals_ = HX_TRY(writer_->finish(size_, digest_, info_.files, result_));
    committed_ = true;
    return {};
  }

 private:
  Status begin(const DiskInfo& info) {
    if (std::exchange(begun_, true))
      return unsupported("a snapshot holds one disk: several disks need --directory DIR");
    const bool is_whole = info.ranges.empty() || info.ranges == std::vector<Range>{{0, info.size}};
    if (info.kind == DiskKind::kPart || !is_whole) return unsupported("a part of a disk cannot be a snapshot");
    if (info.size == kUnknownSize && !output_.seals())
      return usage_error("an unsealed snapshot needs the disk's size in its header");
    info_ = info;
    if (info.kind == DiskKind::kDelta) HX_TRY(settle_delta(info.chunk_size));
    if (info.resume || begun_snapshot_) return go_on();
    SnapshotHeader header;
    header.name = options_.name.empty() ? info.name : options_.name;
    header.size = info.size == kUnknownSize ? 0 : info.size;
    header.timestamp = options_.timestamp;
    const bool is_delta = info.kind == DiskKind::kDelta;
    header.version = is_delta ? mirn::kVersion2 : options_.version;
    header.has_checksum =
        header.version == mirn::kVersion || (!is_delta && options_.image_digest == ImageDigest::kSerial);
    HxFields hx;
    hx.kind = info.kind;
    hx.sealed = !header.has_checksum;
    hx.chunk_size = options_.chunk_size;
    if (is_delta) hx.parent_state = info_.parent_state, hx.parent_change_token = info_.parent_change_token;
    hx.state = info.state.empty() ? make_uuid() : info.state;
    hx.change_token = info.change_token;
    hx.consistency = info.consistency;
    hx.created_by = options_.created_by;
    header.hx = hx;
    state_ = hx.state;
    writer_ = std::make_unique<SnapshotWriter>(output_, std::move(header));
    return {};
  }

  Status settle_delta(uint32_t grid) {
    HX_TRY(settle_parent(info_, options_.parent,
                         options_.is_chunk_size_given ? std::optional(options_.chunk_size) : std::nullopt));
    if (info_.chunk_size > 0) options_.chunk_size = info_.chunk_size;
    is_tree_of_grid_ = grid == options_.chunk_size;
    return {};
  }

  // No image passes by that could be hashed, and no head that would tell the file system.
  Status begin_delta() {
    if (!pool_ || pool_->block_size() != options_.chunk_size) pool_ = make_pool(options_);
    HX_TRY(writer_->start(options_.filesystem.value_or("")));
    line_ = std::make_unique<PackingLine>(*writer_, options_);
    delta_ = std::make_unique<DeltaAssembler>(options_.chunk_size, info_.size, *pool_, [this](Chunk chunk) {
      return line_->submit({std::move(chunk), nullptr});
    });
    return {};
  }

  Status end_delta(const DiskTotals& totals) {
    HX_TRY(delta_->finish());
    HX_TRY(line_->finish());
    if (is_tree_of_grid_) result_ = totals.tree;
    delta_.reset();
    return end(info_.size, std::nullopt);
  }

  Status go_on() {
    if (!begun_snapshot_ || !info_.resume || info_.resume->from != begun_snapshot_->written.from() ||
        info_.size != begun_snapshot_->written.header().size)
      return bug("a stream and a snapshot that do not go on with each other");
    SnapshotHeader header = begun_snapshot_->written.header();
    // A run that was killed after its last write has sealed it already.
    header.checksum = {};
    header.hx->sealed = false;
    header.hx->seal.clear();
    if (!info_.consistency.empty()) header.hx->consistency = info_.consistency;
    state_ = header.hx->state;
    writer_ = std::make_unique<SnapshotWriter>(output_, std::move(header));
    return writer_->go_on(begun_snapshot_->written);
  }

  // The digest may be some chunks behind what was written; these are read again.
  Status start_hasher() {
    if (!begun_snapshot_) {
      hasher_ = std::make_unique<StreamHasher>();
      return {};
    }
    const Sha256State state = begun_snapshot_->image_digest.value_or(ResumableSha256().state());
    hasher_ = std::make_unique<StreamHasher>(state);
    return begun_snapshot_->written.read_content(state.length, [this](const FrameEntry& entry, ByteSpan content) {
      if (entry.kind == Kind::kZero) return hasher_->put_zeros(entry.extent.length);
      Buffer buffer = pool_->acquire(content.size());
      std::ranges::copy(content, buffer.bytes().begin());
      return hasher_->put_data(std::move(buffer));
    });
  }

  // Chunks wait until the image's head is known: an unsealed header goes out before the first of them.
  Status take_chunk(Chunk chunk) {
    if (line_) return dispatch(std::move(chunk));
    const size_t have = head_.size(), add = std::min<uint64_t>(kHeadSize - have, chunk.extent.length);
    head_.resize(have + add);
    if (chunk.kind == Kind::kData) std::memcpy(head_.data() + have, std::as_const(chunk.data).bytes().data(), add);
    held_.push_back(std::move(chunk));
    return head_.size() == kHeadSize ? start_with_head() : Status();
  }

  Status start_with_head() {
    if (line_) return {};
    HX_TRY(writer_->start(options_.filesystem ? *options_.filesystem : options_.probe_filesystem(head_)));
    line_ = std::make_unique<PackingLine>(*writer_, options_);
    for (Chunk& chunk : std::exchange(held_, {})) HX_TRY(dispatch(std::move(chunk)));
    return {};
  }

  Status dispatch(Chunk chunk) {
    if (hasher_) {
      HX_TRY(chunk.kind == Kind::kZero ? hasher_->put_zeros(chunk.extent.length)
                                       : hasher_->put_data(chunk.data.share()));
    }
    return line_->submit({std::move(chunk), nullptr});
  }

  Status pack_disk(const DiskReader& disk, const ExtentList& map, Pace& pace, DiskProgress* progress,
                   RateLimiter* limiter) {
    ChunkPlan plan(map, info_.size, options_.chunk_size);
    while (const auto chunk = plan.next()) {
      const bool data = chunk->kind == Kind::kData;
      if (data) pace.advance(Pace::Pass::kPacking, chunk->length);
      if (data && limiter) limiter->spend(chunk->length);
      HX_TRY(line_->submit({{{chunk->offset, chunk->length}, chunk->kind, {}}, &disk}));
      if (progress) {
        progress->covered += chunk->length;
        if (data) progress->moved += chunk->length;
      }
    }
    return {};
  }

  // Directory and header wait for commit(): only then it is known that the source is complete, and down a pipe nothing
  // can be taken back. Memory does not wait: there may be many disks.
  Status end(uint64_t size, const std::optional<Digest>& digest) {
    size_ = size;
    digest_ = digest;
    ended_ = true;
    line_.reset();
    assembler_.reset();
    forget_hasher();
    pool_.reset();
    return {};
  }

  void forget_hasher() {
    std::lock_guard lock(mutex_);
    if (hasher_) hashed_ = hasher_->state_before(size_);
    hasher_.reset();
  }

  SnapshotOutput& output_;
  PackOptions options_;
  std::optional<BegunSnapshot> begun_snapshot_;
  std::unique_ptr<BufferPool> pool_;  // for chunks that arrive in pieces
  DiskInfo info_;
  PackTotals totals_;
  std::vector<std::byte> head_;
  std::vector<Chunk> held_;
  std::string state_;
  std::mutex mutex_;  // of hasher_ and hashed_, between seal() and the others
  std::optional<Sha256State> hashed_;
  uint64_t size_ = 0;
  std::optional<Digest> digest_, result_;
  bool is_tree_of_grid_ = false;  // the tree that a delta's source knows is that of our chunks
  bool begun_ = false, ended_ = false, committed_ = false;
  std::unique_ptr<SnapshotWriter> writer_;
  std::unique_ptr<StreamHasher> hasher_;
  std::unique_ptr<PackingLine> line_;
  std::unique_ptr<ChunkAssembler> assembler_;
  std::unique_ptr<DeltaAssembler> delta_;
};

}  // namespace

std::unique_ptr<SnapshotSink> snapshot_sink(SnapshotOutput& output, const PackOptions& options) {
  return std::make_unique<SnapshotSinkOfOneDisk>(output, options, std::nullopt);
}

std::unique_ptr<SnapshotSink> snapshot_sink(SnapshotOutput& output, const PackOptions& options, BegunSnapshot begun) {
  PackOptions same = options;
  same.chunk_size = begun.written.header().hx->chunk_size;
  return std::make_unique<SnapshotSinkOfOneDisk>(output, same, std::move(begun));
}

size_t source_buffers(const PackOptions& options) { return std::max<size_t>(options.memory / 2 / kMaxPayload, 8); }

}  // namespace hx
