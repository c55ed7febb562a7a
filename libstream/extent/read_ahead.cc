#include "extent/read_ahead.h"

#include <algorithm>
#include <deque>
#include <set>

#include "base/checked_math.h"
#include "extent/zero_detector.h"

namespace hx {
namespace {

struct ReadJob {
  MapEntry piece;
  Buffer buffer;  // of the piece's length iff it is data
};
using Extents = std::vector<Extent>;

class ReadAhead : public ExtentSource {
 public:
  ReadAhead(std::shared_ptr<const DiskReader> reader, ExtentList what, const ReadAheadOptions& options)
      : reader_(std::move(reader)),
        what_(std::move(what)),
        options_(options),
        threads_(options.threads > 0 ? options.threads : reader_->readers()),
        piece_size_(std::max(reader_->grain(), kMaxPayload)),
        window_(std::max<size_t>(threads_ + 1, options.depth * kMaxPayload / piece_size_)),
        pool_(piece_size_, 2 * window_) {}

  Result<std::optional<DiskInfo>> next_disk() override {
    if (workers_) return std::optional<DiskInfo>();
    DiskInfo info = HX_TRY(info_of_part(*reader_, what_));
    workers_.emplace(threads_, window_, [this](ReadJob&& job, int) { return read(std::move(job)); });
    return std::optional(std::move(info));
  }

  Result<std::optional<Extent>> next() override {
    while (ready_.empty()) {
      while (entry_ < what_.entries().size() && workers_->has_room()) HX_TRY(submit());
      if (entry_ == what_.entries().size()) workers_->close();
      std::optional<Extents> extents = HX_TRY(workers_->next());
      if (!extents) {
        HX_TRY(reader_->check_unchanged());
        return std::optional<Extent>();
      }
      std::ranges::move(*extents, std::back_inserter(ready_));
    }
    Extent extent = std::move(ready_.front());
    ready_.pop_front();
    if (extent.kind == Kind::kData) totals_.data_bytes += extent.length;
    if (extent.kind == Kind::kZero) totals_.zero_bytes += extent.length;
    return std::optional(std::move(extent));
  }

  DiskTotals totals() const override {
    DiskTotals totals = totals_;
    totals.size = reader_->info().size;
    return totals;
  }

 private:
  // The buffer is acquired here, in order: if workers did it, later pieces could take all of the pool and the piece
  // that is due next would wait for ever.
  Status submit() {
    const MapEntry& entry = what_.entries()[entry_];
    MapEntry piece{entry.offset + done_of_entry_, entry.length - done_of_entry_, entry.kind};
    Buffer buffer;
    if (piece.kind == Kind::kData) {
      piece.length = std::min(piece.length, piece_size_ - piece.offset % piece_size_);
      buffer = pool_.acquire(piece.length);
    }
    done_of_entry_ += piece.length;
    if (done_of_entry_ == entry.length) ++entry_, done_of_entry_ = 0;
    return workers_->submit({piece, std::move(buffer)});
  }

  // In a worker.
  Result<Extents> read(ReadJob&& job) const {
    Extents out;
    if (job.piece.kind != Kind::kData) {
      out.push_back({job.piece.offset, job.piece.length, job.piece.kind, {}});
      return out;
    }
    HX_TRY(reader_->read_at(job.piece.offset, job.buffer.bytes()));
    for (uint64_t at = job.piece.offset; at < job.piece.end();) {
      const uint64_t end = std::min(job.piece.end(), align_down(at, kMaxPayload) + kMaxPayload);
      Extent extent{at, end - at, Kind::kData, job.buffer.slice(at - job.piece.offset, end - at),
                    reader_->place_of(at)};
      if (options_.detect_zeros)
        split_zeros(std::move(extent), out);
      else
        out.push_back(std::move(extent));
      at = end;
    }
    return out;
  }

  const std::shared_ptr<const DiskReader> reader_;
  const ExtentList what_;
  const ReadAheadOptions options_;
  const int threads_;
  const uint64_t piece_size_;  // a multiple of kMaxPayload: what the reader decodes at once is asked for once
  const size_t window_;
  BufferPool pool_;
  size_t entry_ = 0;            // of what_: the next to be submitted,
  uint64_t done_of_entry_ = 0;  // from here on
  std::deque<Extent> ready_;
  DiskTotals totals_;
  std::optional<OrderedWorkers<ReadJob, Extents>> workers_;  // last: its threads end before what they use
};

class Concatenation : public ExtentSource {
 public:
  explicit Concatenation(std::vector<std::unique_ptr<ExtentSource>> sources) : sources_(std::move(sources)) {}

  Result<std::optional<DiskInfo>> next_disk() override {
    for (; current_ < sources_.size(); sources_[current_++].reset()) {  // a finished one gives back its memory
      std::optional<DiskInfo> info = HX_TRY(sources_[current_]->next_disk());
      if (!info) continue;
      const std::string numbered = "disk" + std::to_string(count_++);
      if (!keys_.insert(info->key).second) {
        info->key = numbered;
        while (!keys_.insert(info->key).second) info->key += "_";
      }
      return info;
    }
    return std::optional<DiskInfo>();
  }
  Result<std::optional<Extent>> next() override { return sources_[current_]->next(); }
  std::vector<ChunkDigest> take_digests() override { return sources_[current_]->take_digests(); }
  DiskTotals totals() const override { return sources_[current_]->totals(); }

 private:
  std::vector<std::unique_ptr<ExtentSource>> sources_;
  size_t current_ = 0;
  uint64_t count_ = 0;
  std::set<std::string> keys_;
};

}  // namespace

std::unique_ptr<ExtentSource> read_ahead(std::shared_ptr<const DiskReader> reader, ExtentList what,
                                         const ReadAheadOptions& options) {
  return std::make_unique<ReadAhead>(std::move(reader), std::move(what), options);
}

std::unique_ptr<ExtentSource> concatenate(std::vector<std::unique_ptr<ExtentSource>> sources) {
  return std::make_unique<Concatenation>(std::move(sources));
}

}  // namespace hx
