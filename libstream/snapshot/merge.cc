#include "snapshot/merge.h"

#include <algorithm>
#include <atomic>

#include "io/ordered_workers.h"
#include "snapshot/chunk_packer.h"
#include "snapshot/merge_plan.h"

namespace hx {
namespace {

class Merge {
 public:
  Merge(const Chain& chain, SnapshotOutput& output, const MergeOptions& options)
      : chain_(chain),
        options_(options),
        into_delta_(chain.info().kind == DiskKind::kDelta),
        frames_(max_frame_size(chain.chunk_size()), window() + static_cast<size_t>(options.threads)),
        writer_(output, header()),
        workers_(options.threads, window(), [this](MergeStep&& step, int worker) { return make(step, worker); }) {
    for (int i = 0; i < options.threads; ++i) packers_.emplace_back(options.level, chain.chunk_size(), frames_);
  }

  Result<MergeOutcome> run() {
    HX_TRY(writer_.start(filesystem()));
    MergePlan plan(chain_);
    for (bool all_planned = false;;) {
      while (!all_planned && workers_.has_room()) {
        auto step = HX_TRY(plan.next());
        all_planned = !step;
        if (!step) break;
        HX_TRY(workers_.submit(std::move(*step)));
      }
      if (all_planned) workers_.close();
      auto packed = HX_TRY(workers_.next());
      if (!packed) break;
      if (options_.progress) options_.progress->covered = packed->extent.end();
      HX_TRY(writer_.add(std::move(*packed)));
    }
    HX_TRY(chain_.check_unchanged());
    return finish();
  }

 private:
  size_t window() const { return static_cast<size_t>(options_.threads) * 3 + 2; }

  SnapshotHeader header() const {
    SnapshotHeader header;
    header.version = mirn::kVersion2;
    header.has_checksum = false;
    header.name = chain_.info().name;
    header.size = chain_.info().size;
    header.timestamp = options_.timestamp;
    HxFields hx;
    hx.kind = chain_.info().kind;
    hx.sealed = true;
    hx.chunk_size = chain_.chunk_size();
    hx.state = chain_.info().state;
    hx.change_token = chain_.info().change_token;
    if (into_delta_) hx.parent_state = chain_.info().parent_state;
    if (into_delta_) hx.parent_change_token = chain_.info().parent_change_token;
    hx.consistency = chain_.info().consistency;
    hx.created_by = options_.created_by;
    header.hx = hx;
    return header;
  }
  std::string filesystem() const {
    const auto& base = chain_.layers().front().snapshot;
    return base ? base->header().filesystem : "";
  }

  // In a worker.
  Result<PackedChunk> make(const MergeStep& step, int worker) {
    if (step.how == MergeStep::How::kCopy) return copy(step);
    if (step.how == MergeStep::How::kZero) {
      PackedChunk zeros;
      zeros.extent = step.extent;
      return zeros;
    }
    return into_delta_ ? pack_part(step, worker) : pack_whole(step, worker);
  }

  Result<PackedChunk> copy(const MergeStep& step) {
    const FrameEntry& entry = step.entry;
    PackedChunk packed;
    packed.extent = entry.extent;
    packed.kind = entry.kind;
    packed.xxh3 = entry.xxh3;
    packed.leaf = entry.leaf;
    packed.extents = entry.extents;
    packed.result = entry.result;
    if (entry.kind == Kind::kZero) return packed;
    packed.frame = frames_.acquire(entry.compressed_size);
    const ByteSpan frame = HX_TRY(chain_.layers()[step.layer].snapshot->read_frame(entry));
    std::ranges::copy(frame, packed.frame.bytes().begin());
    ++copied_;
    return packed;
  }

  Result<std::vector<std::byte>> content_of(const Range& chunk) const {
    std::vector<std::byte> content(chunk.length);
    HX_TRY(chain_.read_at(chunk.offset, content));
    return content;
  }

  Result<PackedChunk> pack_whole(const MergeStep& step, int worker) {
    Chunk chunk;
    chunk.extent = step.extent;
    chunk.kind = Kind::kData;
    chunk.data = Buffer::copy_of(HX_TRY(content_of(step.extent)));
    ++packed_;
    return packers_[static_cast<size_t>(worker)].pack(chunk);
  }

  Result<PackedChunk> pack_part(const MergeStep& step, int worker) {
    const std::vector<std::byte> content = HX_TRY(content_of(step.extent));
    const ExtentList map = HX_TRY(chain_.map(step.extent.offset, step.extent.end()));
    Chunk chunk;
    chunk.result = step.result;
    std::vector<std::byte> said;
    for (const MapEntry& extent : map.entries()) {
      if (extent.kind == Kind::kAbsent) continue;
      chunk.extents.push_back(extent);
      if (extent.kind != Kind::kData) continue;
      const ByteSpan bytes = ByteSpan(content).subspan(extent.offset - step.extent.offset, extent.length);
      said.insert(said.end(), bytes.begin(), bytes.end());
    }
    if (chunk.extents.size() > mirn::kMaxExtents)
      return unsupported("the chunk at " + std::to_string(step.extent.offset) + " has more than " +
                         std::to_string(mirn::kMaxExtents) + " extents");
    chunk.extent = {chunk.extents.front().offset, chunk.extents.back().end() - chunk.extents.front().offset};
    if (!said.empty()) {
      chunk.kind = Kind::kData;
      chunk.data = Buffer::copy_of(said);
    }
    ++packed_;
    return packers_[static_cast<size_t>(worker)].pack(chunk);
  }

  Result<MergeOutcome> finish() {
    std::vector<MachineFile> files;
    for (const ChainLayer& layer : chain_.layers()) {
      if (!layer.snapshot) continue;
      std::vector<MachineFile> newer = HX_TRY(layer.snapshot->machine_files());
      if (!newer.empty()) files = std::move(newer);
    }
    const auto& newest = chain_.layers().back().snapshot;
    const std::optional<Digest> result = newest ? newest->directory().result : std::nullopt;
    MergeOutcome outcome;
    outcome.totals = HX_TRY(writer_.finish(chain_.info().size, {}, files, into_delta_ ? result : std::nullopt));
    if (!into_delta_ && result && outcome.totals.tree != *result)
      return damaged(chain_.name() + ": the layers do not make the disk that it was made of");
    outcome.copied = copied_;
    outcome.packed = packed_;
    return outcome;
  }

  const Chain& chain_;
  const MergeOptions options_;
  const bool into_delta_;
  BufferPool frames_;
  std::vector<ChunkPacker> packers_;
  SnapshotWriter writer_;
  std::atomic<uint64_t> copied_ = 0, packed_ = 0;
  OrderedWorkers<MergeStep, PackedChunk> workers_;  // last: its threads end before what they use
};

}  // namespace

Result<MergeOutcome> merge_layers(const Chain& chain, SnapshotOutput& output, const MergeOptions& options) {
  HX_TRY(chain.verify_index());
  auto outcome = Merge(chain, output, options).run();
  if (!outcome) output.abandon();
  return outcome;
}

}  // namespace hx
