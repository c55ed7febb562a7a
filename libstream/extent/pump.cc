#include "extent/pump.h"

#include <atomic>
#include <mutex>

#include "base/checked_math.h"
#include "io/worker_group.h"

namespace hx {
namespace {

// Data that a sink may hold after put(), so that the next piece is read meanwhile. Of a sink that holds more, or an
// extent of a grain that is larger, put() or the next read waits.
constexpr uint64_t kKeptBySink = 8 * kMiB;

uint64_t covered_bytes(const DiskInfo& info) {
  if (info.size == kUnknownSize) return 0;
  if (info.ranges.empty()) return info.size;
  uint64_t sum = 0;
  for (const Range& range : info.ranges) sum += range.length;
  return sum;
}

DiskProgress* add_progress(const PumpOptions& options, const DiskInfo& info) {
  if (!options.progress) return nullptr;
  return &options.progress->add_disk(info.name.empty() ? info.key : info.name, covered_bytes(info));
}

// Puts one extent, paid for and counted.
Status pass(Extent extent, ExtentSink& sink, const PumpOptions& options, DiskProgress* progress) {
  const uint64_t length = extent.length, moved = extent.data.size();
  if (options.rate_limiter && moved > 0) options.rate_limiter->spend(moved);
  HX_TRY(sink.put(std::move(extent)));
  if (progress) {
    progress->moved += moved;
    progress->covered += length;
  }
  return {};
}

Status pump_all(ExtentSource& source, ExtentSink& sink, const PumpOptions& options) {
  while (std::optional<DiskInfo> info = HX_TRY(source.next_disk())) {
    DiskProgress* progress = add_progress(options, *info);
    HX_TRY(sink.begin_disk(*info));
    for (;;) {
      std::optional<Extent> extent = HX_TRY(source.next());
      for (const ChunkDigest& digest : source.take_digests()) HX_TRY(sink.put_digest(digest));
      if (!extent) break;
      HX_TRY(pass(std::move(*extent), sink, options, progress));
    }
    HX_TRY(sink.end_disk(source.totals()));
    if (progress) progress->finished = true;
  }
  return {};
}

// One disk on its way through several threads.
class ParallelPump {
 public:
  ParallelPump(const DiskReader& reader, const ExtentList& what, ExtentSink& sink, int threads,
               const PumpOptions& options)
      : reader_(reader),
        what_(what),
        sink_(sink),
        threads_(std::max(threads, 1)),
        options_(options),
        pool_(reader.grain(), threads_ + divide_round_up(kKeptBySink, reader.grain())) {}

  Status run() {
    if (sink_.order() != Order::kAny) return bug("a parallel pump into a sink that wants order");
    const DiskInfo info = HX_TRY(info_of_part(reader_, what_));
    progress_ = add_progress(options_, info);
    HX_TRY(sink_.begin_disk(info));
    HX_TRY(run_workers(
        threads_, [this](int) { return work(); }, [this](const Error&) { failed_ = true; }));
    HX_TRY(reader_.check_unchanged());
    HX_TRY(sink_.end_disk({info.size, what_.bytes_of(Kind::kData), what_.bytes_of(Kind::kZero), {}}));
    if (progress_) progress_->finished = true;
    return {};
  }

 private:
  Status work() {
    while (const std::optional<MapEntry> piece = next_piece()) HX_TRY(move(*piece));
    return {};
  }

  std::optional<MapEntry> next_piece() {
    std::lock_guard lock(mutex_);
    if (failed_ || entry_ == what_.entries().size()) return std::nullopt;
    const MapEntry& entry = what_.entries()[entry_];
    MapEntry piece{entry.offset + done_of_entry_, entry.length - done_of_entry_, entry.kind};
    if (piece.kind == Kind::kData)
      piece.length = std::min(piece.length, pool_.block_size() - piece.offset % pool_.block_size());
    done_of_entry_ += piece.length;
    if (done_of_entry_ == entry.length) ++entry_, done_of_entry_ = 0;
    return piece;
  }

  Status move(const MapEntry& piece) {
    Extent extent{piece.offset, piece.length, piece.kind, {}};
    if (piece.kind == Kind::kData) {
      extent.data =
          pool_.acquire(piece.length);  // the last one back is the first: a sink that keeps none sees the same
      HX_TRY(reader_.read_at(piece.offset, extent.data.bytes()));
    }
    return pass(std::move(extent), sink_, options_, progress_);
  }

  const DiskReader& reader_;
  const ExtentList& what_;
  ExtentSink& sink_;
  const int threads_;
  const PumpOptions& options_;
  BufferPool pool_;
  DiskProgress* progress_ = nullptr;
  std::atomic<bool> failed_ = false;
  std::mutex mutex_;            // of all below
  size_t entry_ = 0;            // of what_: the next piece is in it,
  uint64_t done_of_entry_ = 0;  // here
};

// Whoever comes after the sink hears of a failure before the caller does.
Status abort_on_failure(Status done, ExtentSink& sink) {
  if (!done) sink.abort(done.error());
  return done;
}

}  // namespace

Status pump(ExtentSource& source, ExtentSink& sink, const PumpOptions& options) {
  return abort_on_failure(pump_all(source, sink, options), sink);
}

Status parallel_pump(const DiskReader& reader, const ExtentList& what, ExtentSink& sink, int threads,
                     const PumpOptions& options) {
  return abort_on_failure(ParallelPump(reader, what, sink, threads, options).run(), sink);
}

}  // namespace hx
