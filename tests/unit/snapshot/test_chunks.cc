// Extents, whatever their borders, become the chunks of the grid: compared with the image as plain bytes.
#include <catch2/catch.hpp>

#include <random>

#include "base/is_zero.h"
#include "snapshot/chunk_assembler.h"
#include "snapshot/chunk_plan.h"
#include "support/memory_disk.h"

using namespace hx;
using namespace hx::test;

namespace {

constexpr uint32_t kChunk = 64 * kKiB;

// A random disk with borders on the grid, one byte beside it, and anywhere.
std::shared_ptr<MemoryDisk> random_disk(std::mt19937& random) {
  const auto number = [&](uint64_t most) { return std::uniform_int_distribution<uint64_t>(0, most)(random); };
  const uint64_t size = number(2) ? number(7 * kChunk) : kChunk * number(6) + number(1);
  std::vector<MapEntry> entries;
  for (uint64_t at = 0; at < size;) {
    const uint64_t border =
        std::min(size, number(1) ? at + 1 + number(2 * kChunk) : (at / kChunk + 1 + number(2)) * kChunk + number(1));
    if (number(1)) entries.push_back({at, border - at, Kind::kData});
    at = border;
  }
  return std::make_shared<MemoryDisk>(size, entries, random());
}

struct Assembled {
  std::string image;
  uint64_t data_chunks = 0;
};
// Puts the disk in pieces of at most `piece` bytes, and checks the form of every chunk that comes out.
Assembled assemble(const MemoryDisk& disk, uint64_t piece) {
  Assembled out;
  bool ended = false;
  BufferPool pool(kChunk, 1);  // a chunk that is not emitted at once would wait for ever
  ChunkAssembler assembler(kChunk, pool, [&](Chunk chunk) {
    REQUIRE_FALSE(ended);
    REQUIRE(chunk.extent.offset == out.image.size());
    REQUIRE(chunk.extent.offset % kChunk == 0);
    REQUIRE(chunk.extent.length > 0);
    ended = chunk.extent.end() % kChunk != 0;  // only the last one may end off the grid
    if (chunk.kind == Kind::kZero) {
      out.image.append(chunk.extent.length, '\0');
      return Status();
    }
    REQUIRE(chunk.extent.length <= kChunk);
    REQUIRE(chunk.data.size() == chunk.extent.length);
    out.image += as_text(std::as_const(chunk.data).bytes());
    ++out.data_chunks;
    return Status();
  });
  const ExtentList map = disk.whole_map();
  for (const MapEntry& entry : map.entries()) {
    for (uint64_t at = entry.offset; at < entry.end();) {
      const uint64_t length = std::min(piece, entry.end() - at);
      Extent extent{at, length, entry.kind, {}};
      if (entry.kind == Kind::kData) extent.data = Buffer::copy_of(as_bytes(disk.text(at, length)));
      REQUIRE(assembler.put(std::move(extent)).ok());
      at += length;
      REQUIRE(assembler.end() == at);
    }
  }
  REQUIRE(assembler.finish().ok());
  return out;
}

}  // namespace

TEST_CASE("chunks are the image, however it comes in pieces", "[chunks]") {
  std::mt19937 random(1);
  for (int round = 0; round < 60; ++round) {
    const auto disk = random_disk(random);
    const std::string image = disk->text();
    for (const uint64_t piece : {uint64_t{997}, uint64_t{kChunk}, uint64_t{3 * kChunk + 1}}) {
      INFO("round " << round << ", pieces of " << piece);
      CHECK((assemble(*disk, piece).image == image));
    }
  }
}

TEST_CASE("the plan of a map has each chunk that holds data, and runs of zeros between", "[chunks]") {
  std::mt19937 random(2);
  for (int round = 0; round < 200; ++round) {
    INFO("round " << round);
    const auto disk = random_disk(random);
    const ExtentList map = disk->whole_map();
    const uint64_t size = disk->info().size;
    ChunkPlan plan(map, size, kChunk);
    uint64_t end = 0;
    Kind last = Kind::kAbsent;
    while (const auto entry = plan.next()) {
      REQUIRE(entry->offset == end);
      REQUIRE(entry->length > 0);
      REQUIRE((entry->end() % kChunk == 0 || entry->end() == size));
      const bool has_data = disk->map(entry->offset, entry->end()).value().bytes_of(Kind::kData) > 0;
      REQUIRE(has_data == (entry->kind == Kind::kData));
      if (entry->kind == Kind::kData) REQUIRE(entry->length == std::min<uint64_t>(kChunk, size - entry->offset));
      if (entry->kind == Kind::kZero) REQUIRE(last != Kind::kZero);
      last = entry->kind;
      end = entry->end();
    }
    REQUIRE(end == size);
  }
}

TEST_CASE("an extent of data that is a chunk passes without a copy, zeros of any length without memory", "[chunks]") {
  BufferPool pool(kChunk, 1);
  std::vector<const std::byte*> seen;
  std::vector<uint64_t> lengths;
  ChunkAssembler assembler(kChunk, pool, [&](Chunk chunk) {
    seen.push_back(std::as_const(chunk.data).bytes().data());
    lengths.push_back(chunk.extent.length);
    return Status();
  });
  Buffer data = Buffer::copy_of(as_bytes(std::string(2 * kChunk, 'x')));
  const std::byte* const at = std::as_const(data).bytes().data();
  REQUIRE(assembler.put({0, 2 * kChunk, Kind::kData, std::move(data)}).ok());
  REQUIRE(assembler.put({2 * kChunk, kTiB * 1000, Kind::kZero, {}}).ok());
  CHECK(seen == std::vector<const std::byte*>{at, at + kChunk, nullptr});
  CHECK(lengths == std::vector<uint64_t>{kChunk, kChunk, kTiB * 1000});
}

TEST_CASE("extents out of order, absent ones, and a failing sink are errors", "[chunks]") {
  BufferPool pool(kChunk, 1);
  ChunkAssembler assembler(kChunk, pool, [](Chunk) { return Status(refused("full")); });
  CHECK(assembler.put({1, 5, Kind::kZero, {}}).error().kind == ErrorKind::kDamaged);
  CHECK(assembler.put({0, 5, Kind::kAbsent, {}}).error().kind == ErrorKind::kDamaged);
  REQUIRE(assembler.put({0, 5, Kind::kZero, {}}).ok());
  CHECK(assembler.put({0, 5, Kind::kZero, {}}).error().kind == ErrorKind::kDamaged);
  CHECK(assembler.finish().error().message == "full");
}
