#include <catch2/catch.hpp>

#include "contract/extent_source_contract.h"
#include "extent/delta_disk.h"
#include "extent/read_ahead.h"
#include "support/memory_disk.h"

using namespace hx;
using namespace hx::test;

TEST_CASE("a delta of a disk has what changed, zeros included, and nothing else") {
  auto whole = std::make_shared<MemoryDisk>(
      300 * kMiB, std::vector<MapEntry>{{0, 1000, Kind::kData}, {200 * kMiB, kMiB, Kind::kData}});
  whole->mutable_info().parent_state = "before";
  const RangeSet changed = {{500, 1000}, {4096, 512}, {200 * kMiB + 512, 512}, {300 * kMiB - 10, 4 * kMiB}};
  const auto delta = delta_of(whole, changed, whole->info());
  CHECK(delta->info().kind == DiskKind::kDelta);
  CHECK(delta->info().parent_state == "before");
  const ExtentList map = delta->map(0, 300 * kMiB).value();
  CHECK(ranges_of(map, Kind::kData) == RangeSet{{500, 500}, {200 * kMiB + 512, 512}});
  CHECK(ranges_of(map, Kind::kZero) == RangeSet{{1000, 500}, {4096, 512}, {300 * kMiB - 10, 10}});
  CHECK(gaps(map, {{0, 300 * kMiB}}).empty());
  CHECK(delta->map(600, 4100).value().entries() ==
        std::vector<MapEntry>{
            {600, 400, Kind::kData}, {1000, 500, Kind::kZero}, {1500, 2596, Kind::kAbsent}, {4096, 4, Kind::kZero}});
  CHECK(delta->map(7, 7).value().empty());
  auto source = read_ahead(delta, map, {});
  const auto info = source->next_disk().value();
  REQUIRE(info);
  CHECK(info->ranges.empty());
  const CollectedDisk read = expect_disk_contract(*source, *info);
  CHECK(source->totals().data_bytes == 1012);
  CHECK(whole->bytes_read() == 1012);
}

TEST_CASE("a delta in which nothing changed is a disk all the same") {
  auto whole = std::make_shared<MemoryDisk>(kMiB);
  const auto delta = delta_of(whole, {}, whole->info());
  CHECK(delta->map(0, kMiB).value().entries() == std::vector<MapEntry>{{0, kMiB, Kind::kAbsent}});
  whole->set_changed(source_changed("it did"));
  CHECK(delta->check_unchanged().error().kind == ErrorKind::kChanged);
}
