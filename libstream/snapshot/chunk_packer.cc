#include "snapshot/chunk_packer.h"

#include "base/endian.h"
#include "base/is_zero.h"
#include "hash/sha256.h"
#include "hash/xxh3.h"

namespace hx {

ChunkPacker::ChunkPacker(int level, uint32_t chunk_size, BufferPool& frames)
    : compressor_(level), frames_(frames), chunk_size_(chunk_size) {}

Result<PackedChunk> ChunkPacker::pack_data(Range extent, ByteSpan content) {
  PackedChunk packed;
  packed.extent = extent;
  if (is_zero(content)) return packed;
  packed.kind = Kind::kData;
  packed.leaf = Sha256::of(content);
  Buffer frame = frames_.acquire(frames_.block_size());
  const size_t size = HX_TRY(compressor_.compress(content, frame.bytes()));
  packed.frame = frame.slice(0, size);
  packed.xxh3 = xxh3_64(packed.frame.bytes());
  return packed;
}

Result<PackedChunk> ChunkPacker::pack(const Chunk& chunk) {
  PackedChunk packed;
  packed.extent = chunk.extent;
  if (chunk.kind == Kind::kData) packed = HX_TRY(pack_data(chunk.extent, chunk.data.bytes()));
  packed.extents = chunk.extents;
  packed.result = chunk.result;
  if (packed.kind == Kind::kData) return packed;
  ExtentList zeros;
  for (const MapEntry& extent : chunk.extents) HX_TRY(zeros.append({extent.offset, extent.length, Kind::kZero}));
  packed.extents = std::move(zeros).entries();
  return packed;
}

Result<PackedChunk> ChunkPacker::read_and_pack(const DiskReader& disk, Range extent) {
  content_.resize(chunk_size_);
  const MutableByteSpan content = MutableByteSpan(content_).first(extent.length);
  HX_TRY(disk.read_at(extent.offset, content));
  PackedChunk packed = HX_TRY(pack_data(extent, content));
  // A frame ends with the checksum that is wanted here.
  packed.content_check = packed.kind == Kind::kData
                             ? static_cast<uint32_t>(load_struct<Le32>(std::as_const(packed.frame).bytes().last(4)))
                             : static_cast<uint32_t>(xxh64(content));
  return packed;
}

}  // namespace hx
