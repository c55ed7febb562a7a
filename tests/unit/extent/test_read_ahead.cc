#include <catch2/catch.hpp>

#include "contract/extent_source_contract.h"
#include "extent/read_ahead.h"
#include "support/memory_disk.h"

using namespace hx;
using namespace hx::test;

namespace {

// Data at odd places, over several MiB, zeros between.
std::shared_ptr<MemoryDisk> island_disk(uint64_t seed = 1) {
  return std::make_shared<MemoryDisk>(20 * kMiB + 77,
                                      std::vector<MapEntry>{{5, 100, Kind::kData},
                                                            {kMiB - 10, 20, Kind::kData},
                                                            {3 * kMiB + 4097, 9 * kMiB, Kind::kData},
                                                            {20 * kMiB, 77, Kind::kData}},
                                      seed);
}

}  // namespace

TEST_CASE("reading ahead keeps the contract of sources, however many threads and whatever the grain") {
  for (const int threads : {1, 2, 7}) {
    for (const size_t depth : {1, 3, 16}) {
      for (const uint64_t grain : {64 * kKiB, kMiB, 4 * kMiB}) {
        INFO(threads << " threads, depth " << depth << ", grain " << grain);
        auto disk = island_disk();
        disk->set_grain(grain);
        expect_contract(*read_ahead(disk, disk->whole_map(), {threads, depth, true}), {disk->text()});
      }
    }
  }
}

TEST_CASE("reading ahead passes zeros without reading them") {
  auto disk = std::make_shared<MemoryDisk>(8 * kTiB, std::vector<MapEntry>{{kTiB, 5000, Kind::kData}});
  auto disks = collect(*read_ahead(disk, disk->whole_map(), {}));
  REQUIRE(disks.ok());
  CHECK(disks->at(0).map() == disk->whole_map().entries());
  CHECK(disks->at(0).totals.size == 8 * kTiB);
  CHECK(disk->bytes_read() == 5000);
}

TEST_CASE("reading ahead finds zeros in data, if it is asked to") {
  std::string text(2 * kMiB, 'x');
  text.replace(kMiB, kMiB, std::string(kMiB, '\0'));
  const auto maps = [&](bool detect) {
    auto disk = MemoryDisk::of_text(text);
    ReadAheadOptions options;
    options.detect_zeros = detect;
    auto disks = collect(*read_ahead(disk, disk->whole_map(), options));
    REQUIRE(disks.ok());
    CHECK((disks->at(0).image() == text));
    return disks->at(0).map();
  };
  CHECK(maps(true) == std::vector<MapEntry>{{0, kMiB, Kind::kData}, {kMiB, kMiB, Kind::kZero}});
  CHECK(maps(false) == std::vector<MapEntry>{{0, 2 * kMiB, Kind::kData}});
}

TEST_CASE("a fault while reading ahead is the source's error, after what lies before it") {
  auto disk = island_disk();
  disk->fail_at(5 * kMiB, Error{ErrorKind::kSystem, "memory-disk: read at 5242880: Input/output error", "", ""});
  auto source = read_ahead(disk, disk->whole_map(), {3, 4, true});
  auto disks = collect(*source);
  REQUIRE_FALSE(disks.ok());
  CHECK(disks.error().message == "memory-disk: read at 5242880: Input/output error");
  CHECK_FALSE(source->next().ok());
}

TEST_CASE("a disk that changed while it was read has no proven end") {
  auto disk = island_disk();
  disk->set_changed(source_changed("memory-disk: changed"));
  auto disks = collect(*read_ahead(disk, disk->whole_map(), {}));
  REQUIRE_FALSE(disks.ok());
  CHECK(disks.error().kind == ErrorKind::kChanged);
}

TEST_CASE("less than the whole disk is a part, and nothing of it is a mistake") {
  auto disk = island_disk();
  auto disks = collect(*read_ahead(disk, clip(disk->whole_map(), {{5, 50}, {2 * kMiB, 10}}), {}));
  REQUIRE(disks.ok());
  CHECK(disks->at(0).info.kind == DiskKind::kPart);
  CHECK(disks->at(0).info.ranges == std::vector<Range>{{5, 50}, {2 * kMiB, 10}});
  auto nothing = collect(*read_ahead(disk, {}, {}));
  REQUIRE_FALSE(nothing.ok());
  CHECK(nothing.error().kind == ErrorKind::kUsage);
}

TEST_CASE("a source that nobody reads to the end lets go of its threads") {
  auto disk = island_disk();
  auto source = read_ahead(disk, disk->whole_map(), {4, 8, true});
  REQUIRE(source->next_disk().ok());
  REQUIRE(source->next().ok());
  source.reset();  // returns
  CHECK(disk.use_count() == 1);
}

TEST_CASE("several disks follow each other, each with a key of its own") {
  auto first = island_disk(1), second = island_disk(2), third = island_disk(3);
  third->mutable_info().key = "disk1";  // what the second one will be called
  std::vector<std::unique_ptr<ExtentSource>> sources;
  for (const auto& disk : {first, second, third}) sources.push_back(read_ahead(disk, disk->whole_map(), {}));
  expect_contract(*concatenate(std::move(sources)), {first->text(), second->text(), third->text()});
  expect_contract(*concatenate({}), {});
}
