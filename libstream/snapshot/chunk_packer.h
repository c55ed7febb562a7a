#pragma once
// A chunk into a frame with its digests: what a worker does while the chunk is in its cache.

#include "codec/zstd_codec.h"
#include "extent/disk_reader.h"
#include "snapshot/chunk_assembler.h"
#include "snapshot/snapshot_writer.h"

namespace hx {

// One a worker thread; not shared.
class ChunkPacker {
 public:
  // frames: where compressed frames are put, blocks of at least max_frame_size(chunk_size).
  ChunkPacker(int level, uint32_t chunk_size, BufferPool& frames);
  // A data chunk that is all zero becomes a zero chunk; so does a part of one whose data is.
  Result<PackedChunk> pack(const Chunk&);
  // Reads the chunk itself; content_check is set, also of a chunk that is all zero.
  Result<PackedChunk> read_and_pack(const DiskReader&, Range);

 private:
  Result<PackedChunk> pack_data(Range, ByteSpan content);

  ZstdCompressor compressor_;
  BufferPool& frames_;
  const uint32_t chunk_size_;
  std::vector<std::byte> content_;  // read_and_pack()
};

}  // namespace hx
