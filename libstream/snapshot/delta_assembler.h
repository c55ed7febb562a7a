#pragma once
// A delta's extents as they come, into what it says of each chunk of the grid.

#include "extent/extent_sink.h"
#include "snapshot/chunk_assembler.h"

namespace hx {

// Extents ascend; what is absent may be left out. Whole chunks of data pass without a copy, whole chunks of zeros as
// runs. kUnsupported: more extents in a chunk than an entry holds. One thread.
class DeltaAssembler {
 public:
  using Emit = ChunkAssembler::Emit;
  // pool: blocks of chunk_size.
  DeltaAssembler(uint32_t chunk_size, uint64_t size, BufferPool& pool, Emit emit);
  Status put(Extent);
  // Of a chunk that has come: what it is on the disk. One of another grid says nothing here.
  void put_digest(const ChunkDigest&);
  Status finish() { return emit_open(); }

 private:
  Range chunk_at(uint64_t offset) const;
  Status put_part(const Extent&, Range part);
  Status emit_open();

  const uint64_t chunk_size_, size_;
  BufferPool& pool_;
  const Emit emit_;
  uint64_t end_ = 0;  // of the last extent
  // The chunk of the last extent, if that was not whole.
  Range open_;
  ExtentList extents_;
  Buffer data_;
  size_t used_ = 0;  // of data_
  std::optional<Digest> result_;
};

}  // namespace hx
