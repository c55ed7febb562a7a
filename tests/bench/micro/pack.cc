#include <benchmark/benchmark.h>

#include <cstdlib>

#include "hash/sha256.h"
#include "hash/xxh3.h"
#include "micro/bytes.h"
#include "snapshot/chunk_packer.h"

namespace {

using namespace hx;

constexpr uint32_t kChunk = 1 << 20;

PackedChunk pack_one(ChunkPacker& packer, const Buffer& content) {
  auto packed = packer.pack(Chunk{{0, kChunk}, Kind::kData, content.share()});
  if (!packed) std::abort();
  return std::move(packed).value();
}

// What a worker does with a chunk: zero detection, leaf digest, compression, checksum of the frame.
void pack_chunk(benchmark::State& state, const std::vector<std::byte>& bytes) {
  BufferPool frames(max_frame_size(kChunk), 2);
  ChunkPacker packer(static_cast<int>(state.range(0)), kChunk, frames);
  Buffer content = Buffer::copy_of(bytes);
  for (auto _ : state) benchmark::DoNotOptimize(pack_one(packer, content));
  state.SetBytesProcessed(state.iterations() * kChunk);
}
BENCHMARK_CAPTURE(pack_chunk, text, bench::text_bytes(kChunk))->Arg(1)->Arg(3);
BENCHMARK_CAPTURE(pack_chunk, random, bench::random_bytes(kChunk))->Arg(1)->Arg(3);
BENCHMARK_CAPTURE(pack_chunk, zero, bench::zero_bytes(kChunk))->Arg(3);

// What restore does with a frame: its checksum, decoding, the content's leaf.
void unpack_chunk(benchmark::State& state, const std::vector<std::byte>& bytes) {
  BufferPool frames(max_frame_size(kChunk), 2);
  ChunkPacker packer(3, kChunk, frames);
  PackedChunk packed = pack_one(packer, Buffer::copy_of(bytes));
  ZstdDecompressor decompressor;
  std::vector<std::byte> content(kChunk);
  for (auto _ : state) {
    if (xxh3_64(packed.frame.bytes()) != packed.xxh3) std::abort();
    if (!decompressor.decompress(packed.frame.bytes(), content)) std::abort();
    if (Sha256::of(content) != packed.leaf) std::abort();
  }
  state.SetBytesProcessed(state.iterations() * kChunk);
}
BENCHMARK_CAPTURE(unpack_chunk, text, bench::text_bytes(kChunk));
BENCHMARK_CAPTURE(unpack_chunk, random, bench::random_bytes(kChunk));

}  // namespace
