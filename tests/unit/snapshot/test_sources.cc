// Snapshots as extent sources keep the contract of all sources; as disks, any part of them can be read.
#include <catch2/catch.hpp>

#include <atomic>
#include <random>
#include <thread>

#include "contract/extent_source_contract.h"
#include "support/memory_disk.h"
#include "support/packed.h"
#include "support/snapshot_reading.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

std::shared_ptr<MemoryDisk> some_disk() {
  return std::make_shared<MemoryDisk>(9 * kMiB + 5,
                                      std::vector<MapEntry>{{7, 5 * kMiB, Kind::kData}, {9 * kMiB, 5, Kind::kData}});
}

}  // namespace

TEST_CASE("a snapshot of ours keeps the contract, chunks larger than a payload too", "[sources]") {
  for (const uint32_t chunk_size : {64u << 10, 1u << 20, 4u << 20}) {
    PackOptions options;
    options.chunk_size = chunk_size;
    const std::string bytes = pack(some_disk(), options).value().bytes;
    Dribble pipe(as_bytes(bytes), 100000);
    const SnapshotHeader header = read_header(pipe).value();
    const auto source = indexed_source(pipe, header, 3);
    expect_contract(*source, {some_disk()->text()});
    CHECK(source->totals().image_digest == header.checksum);
  }
}

TEST_CASE("a snapshot of the original's keeps the contract", "[sources]") {
  for (const char* name : {"hello", "empty", "odd-length", "all-ff-3m", "sparse-64m"}) {
    INFO(name);
    const std::string bytes = read_file(std::string(HX_TESTS_DIR "/golden/mirn-v1/good/") + name + ".mirn");
    const std::string image = read_in_sequence(bytes).value();
    Dribble pipe(as_bytes(bytes), 100000);
    const auto source = plain_source(pipe, read_header(pipe).value());
    expect_contract(*source, {image});
  }
}

TEST_CASE("a snapshot sealed later tells its checksum in a pipe, though the directory does not have it", "[sources]") {
  const std::string bytes = pack(some_disk(), {}, Way::kSealedLater).value().bytes;
  Dribble pipe(as_bytes(bytes), 100000);
  const SnapshotHeader header = read_header(pipe).value();
  const auto source = indexed_source(pipe, header, 1);
  REQUIRE(collect(*source).ok());
  CHECK(source->totals().image_digest == header.checksum);
}

TEST_CASE("any part of a snapshot can be read, from several threads", "[sources]") {
  PackOptions options;
  options.chunk_size = 256 * kKiB;
  const std::string bytes = pack(some_disk(), options).value().bytes, image = some_disk()->text();
  const auto reader = SnapshotReader::open(std::make_shared<MemoryReader>(as_bytes(bytes))).value();
  CHECK(reader->grain() == options.chunk_size);
  std::vector<std::thread> threads;
  std::atomic<int> wrong = 0;
  for (unsigned seed = 0; seed < 3; ++seed) {
    threads.emplace_back([&, seed] {
      std::mt19937_64 random(seed);
      for (int i = 0; i < 60; ++i) {
        const uint64_t offset = random() % image.size(),
                       length = random() % std::min<uint64_t>(image.size() - offset, 700000) + 1;
        std::string part(length, '?');
        if (!reader->read_at(offset, std::as_writable_bytes(std::span(part))).ok() ||
            part != image.substr(offset, length))
          ++wrong;
        const auto map = reader->map(offset, offset + length);
        if (!map.ok() || map.value().bytes_of(Kind::kData) + map.value().bytes_of(Kind::kZero) != length) ++wrong;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
}
