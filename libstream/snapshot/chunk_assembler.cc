#include "snapshot/chunk_assembler.h"

#include <algorithm>
#include <cstring>

#include "base/checked_math.h"

namespace hx {

ChunkAssembler::ChunkAssembler(uint32_t chunk_size, BufferPool& pool, Emit emit, uint64_t begin)
    : chunk_size_(chunk_size), pool_(pool), emit_(std::move(emit)), end_(begin), open_begin_(begin) {}

Status ChunkAssembler::put(Extent extent) {
  if (extent.offset != end_ || extent.kind == Kind::kAbsent)
    return damaged("an extent at " + std::to_string(extent.offset) + " where one at " + std::to_string(end_) +
                   " is due");
  uint64_t done = 0;
  while (done < extent.length) {
    const uint64_t offset = extent.offset + done, left = extent.length - done;
    const bool on_grid = open_begin_ == end_;
    if (on_grid && extent.kind == Kind::kZero && left >= chunk_size_) {
      const uint64_t whole = align_down(left, chunk_size_);
      end_ = open_begin_ = offset + whole;
      HX_TRY(emit_({{offset, whole}, Kind::kZero, {}}));
      done += whole;
    } else if (on_grid && extent.kind == Kind::kData && left >= chunk_size_) {
      end_ = open_begin_ = offset + chunk_size_;
      HX_TRY(emit_({{offset, chunk_size_}, Kind::kData, extent.data.slice(done, chunk_size_)}));
      done += chunk_size_;
    } else {
      const uint64_t length = std::min(left, open_begin_ + chunk_size_ - offset);
      HX_TRY(put_piece(extent, offset, length));
      done += length;
    }
  }
  return {};
}

Status ChunkAssembler::put_piece(const Extent& extent, uint64_t offset, uint64_t length) {
  if (extent.kind == Kind::kData && open_.empty()) {
    open_ = pool_.acquire(chunk_size_);
    std::memset(open_.bytes().data(), 0, offset - open_begin_);
  }
  if (extent.kind == Kind::kData)
    std::memcpy(open_.bytes().data() + (offset - open_begin_), extent.data.bytes().data() + (offset - extent.offset),
                length);
  else if (!open_.empty())
    std::memset(open_.bytes().data() + (offset - open_begin_), 0, length);
  end_ = offset + length;
  return end_ - open_begin_ == chunk_size_ ? emit_open() : Status();
}

Status ChunkAssembler::emit_open() {
  const Range extent = {open_begin_, end_ - open_begin_};
  open_begin_ = end_;
  if (open_.empty()) return emit_({extent, Kind::kZero, {}});
  Buffer data = open_.size() == extent.length ? std::move(open_) : open_.slice(0, extent.length);
  open_ = Buffer();
  return emit_({extent, Kind::kData, std::move(data)});
}

Status ChunkAssembler::finish() { return end_ > open_begin_ ? emit_open() : Status(); }

}  // namespace hx
