#include "extent/backed_disk.h"

#include <catch2/catch.hpp>

#include "support/memory_disk.h"

using namespace hx;
using namespace hx::test;

namespace {

std::string read(const DiskReader& disk, uint64_t offset, uint64_t length) {
  std::string text(length, '?');
  REQUIRE(disk.read_at(offset, std::as_writable_bytes(std::span(text))).ok());
  return text;
}
std::string zeros(size_t count) { return std::string(count, '\0'); }

}  // namespace

TEST_CASE("a disk over another: its data and zeros, the other's where it is absent, zeros behind the other's end") {
  const auto upper = std::make_shared<MemoryDisk>(
      1000, std::vector<MapEntry>{{0, 100, Kind::kData}, {100, 100, Kind::kZero}}, 1, DiskKind::kDelta);
  const auto lower = std::make_shared<MemoryDisk>(500, std::vector<MapEntry>{{50, 350, Kind::kData}}, 2);
  const auto disk = backed_disk(upper, lower);
  CHECK(disk->info().size == 1000);
  CHECK(disk->info().kind == DiskKind::kFull);
  CHECK(disk->map(0, 1000)->entries() ==
        std::vector<MapEntry>{
            {0, 100, Kind::kData}, {100, 100, Kind::kZero}, {200, 200, Kind::kData}, {400, 600, Kind::kZero}});
  const std::string want = pattern_text(1, 0, 100) + zeros(100) + pattern_text(2, 200, 200) + zeros(600);
  CHECK(read(*disk, 0, 1000) == want);
  for (uint64_t at = 0; at < 990; at += 7) CHECK(read(*disk, at, 10) == want.substr(at, 10));
  CHECK(disk->check_unchanged().ok());
  lower->set_changed(source_changed("lower"));
  CHECK_FALSE(disk->check_unchanged().ok());
}

TEST_CASE("a disk over a longer one shows no more than its own size, three are as two") {
  const auto lower = std::make_shared<MemoryDisk>(500, std::vector<MapEntry>{{0, 500, Kind::kData}}, 2);
  const auto middle = std::make_shared<MemoryDisk>(200, std::vector<MapEntry>{}, 1, DiskKind::kDelta);
  const auto upper =
      std::make_shared<MemoryDisk>(300, std::vector<MapEntry>{{10, 10, Kind::kZero}}, 1, DiskKind::kDelta);
  const auto disk = backed_disk(upper, backed_disk(middle, lower));
  CHECK(read(*disk, 0, 300) == pattern_text(2, 0, 10) + zeros(10) + pattern_text(2, 20, 180) + zeros(100));
}
