#include "snapshot/delta_assembler.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/checked_math.h"

namespace hx {

DeltaAssembler::DeltaAssembler(uint32_t chunk_size, uint64_t size, BufferPool& pool, Emit emit)
    : chunk_size_(chunk_size), size_(size), pool_(pool), emit_(std::move(emit)) {}

Range DeltaAssembler::chunk_at(uint64_t offset) const {
  const uint64_t begin = align_down(offset, chunk_size_);
  return {begin, std::min<uint64_t>(chunk_size_, size_ - begin)};
}

Status DeltaAssembler::put(Extent extent) {
  if (extent.offset < end_ || !fits_within(extent.offset, extent.length, size_))
    return damaged("an extent at " + std::to_string(extent.offset) + " is out of place");
  end_ = extent.end();
  if (extent.kind == Kind::kAbsent) return {};
  for (uint64_t at = extent.offset; at < extent.end();) {
    const Range chunk = chunk_at(at);
    Range part{at, std::min(chunk.end(), extent.end()) - at};
    if (chunk != open_) HX_TRY(emit_open());
    if (part != chunk || chunk == open_) {
      HX_TRY(put_part(extent, part));
    } else if (extent.kind == Kind::kData) {
      HX_TRY(emit_({part, Kind::kData, extent.data.slice(at - extent.offset, part.length)}));
    } else {
      const bool to_the_end = extent.end() == size_;
      part.length = (to_the_end ? size_ : align_down(extent.end(), chunk_size_)) - at;
      HX_TRY(emit_({part, Kind::kZero, {}}));
    }
    at = part.end();
  }
  return {};
}

Status DeltaAssembler::put_part(const Extent& extent, Range part) {
  open_ = chunk_at(part.offset);
  HX_TRY(extents_.append({part.offset, part.length, extent.kind}));
  if (extents_.entries().size() > mirn::kMaxExtents)
    return unsupported("the chunk at " + std::to_string(open_.offset) + " has more than " +
                       std::to_string(mirn::kMaxExtents) + " extents");
  if (extent.kind != Kind::kData) return {};
  if (data_.empty()) data_ = pool_.acquire(chunk_size_);
  const ByteSpan bytes = extent.data.bytes().subspan(part.offset - extent.offset, part.length);
  std::memcpy(data_.bytes().data() + used_, bytes.data(), bytes.size());
  used_ += bytes.size();
  return {};
}

void DeltaAssembler::put_digest(const ChunkDigest& digest) {
  if (open_.length > 0 && digest.chunk == open_) result_ = digest.digest;
}

Status DeltaAssembler::emit_open() {
  if (open_.length == 0) return {};
  std::vector<MapEntry> extents = std::move(extents_).entries();
  Chunk chunk;
  chunk.extent = {extents.front().offset, extents.back().end() - extents.front().offset};
  if (used_ > 0) {
    chunk.kind = Kind::kData;
    chunk.data = data_.slice(0, used_);
  }
  chunk.extents = std::move(extents);
  chunk.result = result_;
  open_ = {};
  extents_ = {};
  data_ = {};
  used_ = 0;
  result_.reset();
  return emit_(std::move(chunk));
}

}  // namespace hx
