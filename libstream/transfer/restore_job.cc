#include "transfer/restore_job.h"

#include <algorithm>

#include "extent/read_ahead.h"
#include "hash/sha256.h"
#include "snapshot/verify.h"
#include "transfer/chain_input.h"
#include "transfer/restore_report.h"
#include "transfer/salvage_job.h"

namespace hx {
namespace {

DiskInfo part_of(DiskInfo info, const Range& range) {
  info.kind = DiskKind::kPart;
  info.ranges = {range};
  return info;
}

Status check_range(const std::optional<Range>& range, uint64_t size, const std::string& name) {
  if (!range || (range->offset < size && range->length <= size - range->offset)) return {};
  return usage_error(name + ": the range ends at " + std::to_string(range->end()) + ", the disk at " +
                     std::to_string(size));
}

// One disk of a source, a part of it if there is a range, hashed on the way if that is wanted. All of the source is
// read.
class Restored : public ExtentSource {
 public:
  Restored(ExtentSource& source, const RestoreJob& job) : source_(source), job_(job) {}

  Result<std::optional<DiskInfo>> next_disk() override {
    auto info = HX_TRY(source_.next_disk());
    if (!info) {
      if (!seen_) return damaged(job_.input->name() + ": holds no disk");
      return std::optional<DiskInfo>();
    }
    if (std::exchange(seen_, true))
      return unsupported(job_.input->name() + ": holds several disks")
          .with_hint("hx-snap-pack --directory makes a snapshot of each");
    if (info->kind == DiskKind::kDelta)
      return refused(job_.input->name() + ": a delta: alone it is no disk").with_reason("delta-alone");
    if (info->size != kUnknownSize) HX_TRY(check_range(job_.range, info->size, job_.input->name()));
    if (info->kind == DiskKind::kPart) HX_TRY(check_part(*info));
    disk_ = job_.range ? part_of(*info, *job_.range) : *info;
    return std::optional(disk_);
  }

  Result<std::optional<Extent>> next() override {
    for (;;) {
      auto extent = HX_TRY(source_.next());
      if (!extent) return extent;
      if (job_.verify == Verify::kFull) hash(*extent);
      if (!job_.range) return extent;
      const uint64_t begin = std::max(extent->offset, job_.range->offset);
      const uint64_t end = std::min(extent->end(), job_.range->end());
      if (begin >= end) continue;
      Extent piece{begin, end - begin, extent->kind, {}};
      if (piece.kind == Kind::kData) piece.data = extent->data.slice(begin - extent->offset, piece.length);
      return std::optional(std::move(piece));
    }
  }

  DiskTotals totals() const override { return source_.totals(); }
  const DiskInfo& disk() const { return disk_; }
  Digest digest() { return hasher_.finish(); }

 private:
  // What a part does not cover must not come out as zeros.
  Status check_part(const DiskInfo& info) const {
    if (job_.range) {
      for (const Range& covered : info.ranges)
        if (covered.offset <= job_.range->offset && job_.range->end() <= covered.end()) return {};
      return usage_error(job_.input->name() + ": holds a part of the disk, without that range");
    }
    if (job_.parts == Parts::kTake) return {};
    return unsupported(job_.input->name() + ": holds a part of the disk, which makes no whole file")
        .with_hint("--in-place writes it into an existing disk, -o - gives its bytes");
  }

  void hash(const Extent& extent) {
    if (extent.kind == Kind::kData)
      hasher_.update(extent.data.bytes());
    else
      hasher_.update_zeros(extent.length);
  }

  ExtentSource& source_;
  const RestoreJob& job_;
  DiskInfo disk_;
  Sha256 hasher_;
  bool seen_ = false;
};

Status check_digest(const std::string& name, const std::optional<Digest>& expected, const Digest& got) {
  if (!expected || *expected == got) return {};
  return damaged(name + ": at 12: checksum mismatch: expected " + expected->hex() + ", got " + got.hex());
}

// In sequence: the only way from a pipe, and the way to anything that wants its bytes in order.
Result<RestoreOutcome> restore_in_sequence(const RestoreJob& job, ExtentSource& source, ExtentSink& sink,
                                           std::optional<Digest> expected) {
  Restored restored(source, job);
  HX_TRY(pump(restored, sink, job.pump));
  RestoreOutcome outcome;
  outcome.disk = restored.disk();
  outcome.image_digest = expected ? expected : source.totals().image_digest;
  if (job.verify == Verify::kFull) {
    HX_TRY(check_digest(job.input->name(), outcome.image_digest, restored.digest()));
    outcome.full_checked = outcome.image_digest.has_value();
  }
  return outcome;
}

// What of the disk is restored: all, the range, or what of them is not on the target yet.
Result<ExtentList> map_of(const RestoreJob& job, const DiskReader& reader) {
  if (job.plan) return job.plan->what;
  if (!job.done.empty()) {
    const Range whole{0, reader.info().size};
    return clip(HX_TRY(reader.map(0, whole.length)), subtract({whole}, job.done));
  }
  return job.range ? reader.map(job.range->offset, job.range->end()) : reader.map(0, reader.info().size);
}

// Nothing differs: the sink still learns how large the disk is, and whether it fits.
Status put_nothing(const DiskInfo& info, ExtentSink& sink) {
  HX_TRY(sink.begin_disk(info));
  return sink.end_disk({info.size, 0, 0, {}});
}

// A snapshot with an index, or a chain: its index has been verified.
struct ByPlace {
  std::shared_ptr<const DiskReader> disk;
  std::optional<Digest> image_digest, tree;
};
Result<ByPlace> open_by_place(const RestoreJob& job) {
  if (const auto& chain = job.input->chain()) {
    HX_TRY(chain->verify_index());
    const auto& newest = chain->layers().back().snapshot;
    return ByPlace{chain, {}, newest ? newest->directory().result : std::nullopt};
  }
  const std::shared_ptr<SnapshotReader> reader = HX_TRY(job.input->open_indexed());
  HX_TRY(reader->verify_index());
  return ByPlace{reader, reader->image_digest(), reader->directory().tree};
}

Result<RestoreOutcome> restore_by_place(const RestoreJob& job, ExtentSink& sink) {
  HX_TRY(check_range(job.range, job.input->header().size, job.input->name()));
  const auto [reader, image_digest, tree] = HX_TRY(open_by_place(job));
  const uint64_t size = reader->info().size;
  const bool in_order = sink.order() == Order::kAscending || job.verify == Verify::kFull;
  RestoreOutcome outcome;
  if (in_order) {
    // A whole digest needs the whole disk; else only the range is decoded.
    const bool all = job.verify == Verify::kFull || !job.range;
    ExtentList map = HX_TRY(all ? reader->map(0, size) : reader->map(job.range->offset, job.range->end()));
    const auto source =
        read_ahead(reader, std::move(map), {.threads = job.threads, .depth = 32, .detect_zeros = false});
    outcome = HX_TRY(restore_in_sequence(job, *source, sink, image_digest));
  } else {
    const ExtentList map = HX_TRY(map_of(job, *reader));
    outcome.disk = job.range ? part_of(reader->info(), *job.range) : reader->info();
    if (map.empty() && size > 0)
      HX_TRY(put_nothing(outcome.disk, sink));
    else
      HX_TRY(parallel_pump(*reader, map, sink, job.threads, job.pump));
    outcome.equal = job.plan ? job.plan->equal : 0;
    outcome.image_digest = image_digest;
  }
  outcome.tree = tree;
  return outcome;
}

Status make_plan(RestoreJob& job) {
  const auto reader = HX_TRY(job.input->open_indexed());
  const uint64_t size = reader->info().size;
  HX_TRY(check_range(job.range, size, job.input->name()));
  HX_TRY(reader->verify_index());
  DiskProgress* const progress = job.pump.progress ? &job.pump.progress->add_disk("comparing", size) : nullptr;
  const Range range = job.range.value_or(Range{0, size});
  job.plan = HX_TRY(plan_differences(*reader, *job.target_content, range, job.threads, progress));
  if (progress) progress->finished = true;
  return {};
}

std::optional<Digest> plain_checksum(const SnapshotInput& input) {
  return input.kind() == InputKind::kPlain ? std::optional(input.header().checksum) : std::nullopt;
}

}  // namespace

Result<RestoreOutcome> restore(const RestoreJob& job, ExtentSink& sink) {
  if (job.damage != OnDamage::kRefuse) {
    auto outcome = salvage(job, sink);
    if (!outcome) sink.abort(outcome.error());
    return outcome;
  }
  HX_TRY(refuse_delta_alone(*job.input));
  const bool is_by_place = job.input->kind() == InputKind::kIndexed || job.input->kind() == InputKind::kChain;
  if (is_by_place && job.input->is_file()) return restore_by_place(job, sink);
  const auto source = HX_TRY(job.input->open_source(job.threads, job.resumed));
  RestoreOutcome outcome = HX_TRY(restore_in_sequence(job, *source, sink, plain_checksum(*job.input)));
  // A plain snapshot's checksum is always computed and compared (plain_source).
  outcome.full_checked |= job.input->kind() == InputKind::kPlain;
  return outcome;
}

// Every frame of every layer, whether a newer one hides it or not; as of one snapshot, below.
Status check_layers(const RestoreJob& job) {
  HX_TRY(check_range(job.range, job.input->header().size, job.input->name()));
  HX_TRY(job.input->chain()->verify_index());
  for (const ChainLayer& layer : job.input->chain()->layers()) {
    if (!layer.snapshot) continue;  // it was read as a whole when it was opened
    VerifyOptions options{.threads = job.threads};
    if (job.verify == Verify::kTree) options.check = FrameCheck::kStored;
    const VerifyReport report = HX_TRY(verify_snapshot(layer.snapshot, options));
    if (!report.damage.empty()) return damaged(report.damage.front().message);
  }
  return {};
}

Status check_before(RestoreJob& job) {
  HX_TRY(refuse_delta_alone(*job.input));
  if (job.input->kind() == InputKind::kChain) return check_layers(job);
  if (!job.input->is_file() || job.damage == OnDamage::kSalvage) return {};
  if (job.damage == OnDamage::kHeal) {
    const auto sink = discarding_sink();
    auto outcome = salvage(job, *sink);
    return outcome ? Status() : Status(std::move(outcome).error());
  }
  if (job.target_content && job.input->kind() == InputKind::kIndexed && job.verify == Verify::kTree)
    return make_plan(job);
  if (job.input->kind() == InputKind::kIndexed) {
    const auto reader = HX_TRY(job.input->open_indexed());
    VerifyOptions options{.threads = job.threads};
    // Decoding it all twice would take as long as all else together; each leaf is compared when its chunk is written.
    if (job.verify == Verify::kTree) options.check = FrameCheck::kStored;
    if (job.pump.progress) options.progress = &job.pump.progress->add_disk("verifying", reader->info().size);
    const VerifyReport report = HX_TRY(verify_snapshot(reader, options));
    if (options.progress) options.progress->finished = true;
    return report.damage.empty() ? Status() : Status(damaged(report.damage.front().message));
  }
  const auto source = HX_TRY(job.input->open_source(job.threads, job.resumed));
  RestoreJob reading = job;
  reading.range.reset();
  Restored restored(*source, reading);
  while (HX_TRY(restored.next_disk())) {
    while (HX_TRY(restored.next())) {
    }
  }
  return {};
}

}  // namespace hx
