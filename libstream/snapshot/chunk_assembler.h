#pragma once
// Extents as they come, into whole chunks of the grid.

#include <functional>

#include "base/result.h"
#include "extent/extent_list.h"
#include "snapshot/mirn_format.h"

namespace hx {

// A chunk of data, or a run of whole zero chunks (the last one of the disk as short as it is). Of a delta also a part
// of a chunk: what is said of it.
struct Chunk {
  Range extent;
  Kind kind = Kind::kZero;
  Buffer data;  // kData: the whole chunk; of a part the bytes of its data extents, one after another
  std::vector<MapEntry> extents = {};  // of a part, ascending; empty: one extent
  std::optional<Digest> result = {};   // of the whole chunk with these extents in it, where it is known
};

// Extents must tile the disk from `begin` on (a chunk's border), data and zero only. A data extent that is a chunk
// passes without a copy; pieces are gathered in a buffer of the pool (block_size() >= chunk_size). One thread.
class ChunkAssembler {
 public:
  using Emit = std::function<Status(Chunk)>;
  ChunkAssembler(uint32_t chunk_size, BufferPool& pool, Emit emit, uint64_t begin = 0);
  Status put(Extent);
  // The disk ends here: what is left goes out.
  Status finish();
  uint64_t end() const { return end_; }  // how far the extents reach

 private:
  Status put_piece(const Extent&, uint64_t offset, uint64_t length);
  Status emit_open();

  const uint64_t chunk_size_;
  BufferPool& pool_;
  const Emit emit_;
  uint64_t end_ = 0;
  // The chunk that is not yet full: [open_begin_, end_). Zeros at its start are only counted until data comes.
  uint64_t open_begin_ = 0;
  Buffer open_;
};

}  // namespace hx
