#include "net/range_download.h"

#include <algorithm>
#include <optional>

#include "io/ordered_workers.h"
#include "io/worker_group.h"

namespace hx {
namespace {

// The pieces of the ranges, one after another.
class Pieces {
 public:
  Pieces(std::span<const FileRange> ranges, uint64_t size) : ranges_(ranges), size_(size) {}
  std::optional<FileRange> next() {
    while (index_ < ranges_.size() && done_ == ranges_[index_].length) ++index_, done_ = 0;
    if (index_ == ranges_.size()) return std::nullopt;
    const FileRange& range = ranges_[index_];
    const FileRange piece{range.offset + done_, std::min(size_, range.length - done_)};
    done_ += piece.length;
    return piece;
  }

 private:
  std::span<const FileRange> ranges_;
  const uint64_t size_;
  size_t index_ = 0;
  uint64_t done_ = 0;
};

struct Piece {
  uint64_t offset;
  Buffer data;
};

Status download_in_order(const RandomReader& file, Pieces pieces, const RangeDownloadOptions& options, BufferPool& pool,
                         const PutPiece& put) {
  OrderedWorkers<Piece, Piece> workers(options.connections, pool.count(), [&](Piece&& piece, int) -> Result<Piece> {
    HX_TRY(file.read_at(piece.offset, piece.data.bytes()));
    return std::move(piece);
  });
  std::optional<FileRange> piece = pieces.next();
  while (true) {
    // Buffers are taken here, in order: the piece that is due always has one. None is taken while put() may hold all.
    while (piece && workers.has_room()) {
      HX_TRY(workers.submit({piece->offset, pool.acquire(piece->length)}));
      piece = pieces.next();
    }
    if (!piece) workers.close();
    std::optional<Piece> read = HX_TRY(workers.next());
    if (!read) return {};
    HX_TRY(put(read->offset, std::move(read->data)));
  }
}

Status download_in_any_order(const RandomReader& file, Pieces pieces, const RangeDownloadOptions& options,
                             BufferPool& pool, const PutPiece& put) {
  std::mutex mutex;
  bool has_failed = false;
  const auto next = [&]() -> std::optional<FileRange> {
    std::lock_guard lock(mutex);
    return has_failed ? std::nullopt : pieces.next();
  };
  const auto work = [&](int) -> Status {
    while (const auto piece = next()) {
      Buffer data = pool.acquire(piece->length);
      HX_TRY(file.read_at(piece->offset, data.bytes()));
      HX_TRY(put(piece->offset, std::move(data)));
    }
    return {};
  };
  return run_workers(options.connections, work, [&](const Error&) {
    std::lock_guard lock(mutex);
    has_failed = true;
    pool.close();
    file.cancel();  // the answers that the others wait for have no use any more
  });
}

}  // namespace

Status download_ranges(const RandomReader& file, std::span<const FileRange> ranges, const RangeDownloadOptions& options,
                       const PutPiece& put) {
  BufferPool pool(options.piece_size, 2 * static_cast<size_t>(options.connections));
  const Pieces pieces(ranges, options.piece_size);
  return options.delivery == Delivery::kInOrder ? download_in_order(file, pieces, options, pool, put)
                                                : download_in_any_order(file, pieces, options, pool, put);
}

}  // namespace hx
