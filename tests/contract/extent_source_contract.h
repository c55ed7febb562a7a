#pragma once
// What every ExtentSource keeps to, whatever it reads. A test makes its source, says which images must come out, and
// calls expect_contract().

#include <catch2/catch.hpp>

#include "extent/coverage.h"
#include "support/collected.h"

namespace hx::test {

inline void expect_extent_contract(const Extent& extent, const DiskInfo& info) {
  CHECK(extent.length > 0);
  if (extent.kind != Kind::kData) {
    CHECK(extent.data.empty());
    if (extent.kind == Kind::kAbsent) CHECK(info.kind == DiskKind::kDelta);
    return;
  }
  CHECK(extent.data.size() == extent.length);
  CHECK(extent.length <= kMaxPayload);
  CHECK(extent.offset / kMaxPayload == (extent.end() - 1) / kMaxPayload);
}

// One disk; gives back what came.
inline CollectedDisk expect_disk_contract(ExtentSource& source, DiskInfo info) {
  CHECK(is_leaf_name(info.key));
  CHECK((info.name.empty() || is_leaf_name(info.name)));
  CollectedDisk disk;
  Coverage coverage(info);
  uint64_t data_bytes = 0, zero_bytes = 0;
  for (;;) {
    Result<std::optional<Extent>> extent = source.next();
    if (!extent) FAIL(extent.error().message);
    if (!*extent) break;
    expect_extent_contract(**extent, info);
    Status covered = coverage.cover((*extent)->offset, (*extent)->length);
    if (!covered) FAIL("extent at " << (*extent)->offset << " " << covered.error().message);
    if ((*extent)->kind == Kind::kData) data_bytes += (*extent)->length;
    if ((*extent)->kind == Kind::kZero) zero_bytes += (*extent)->length;
    disk.extents.push_back(collected(**extent));
  }
  disk.info = std::move(info);
  disk.totals = source.totals();
  CHECK(coverage.finish(disk.totals.size).ok());
  CHECK(disk.totals.data_bytes == data_bytes);
  CHECK(disk.totals.zero_bytes == zero_bytes);
  if (disk.info.size != kUnknownSize) CHECK(disk.totals.size == disk.info.size);
  return disk;
}

// The images that must come out, in order; absent bytes are '?'.
inline void expect_contract(ExtentSource& source, const std::vector<std::string>& images) {
  std::vector<std::string> keys;
  for (size_t number = 0; number < images.size(); ++number) {
    INFO("disk " << number);
    Result<std::optional<DiskInfo>> info = source.next_disk();
    if (!info) FAIL(info.error().message);
    REQUIRE(info->has_value());
    CHECK(std::ranges::find(keys, (*info)->key) == keys.end());
    keys.push_back((*info)->key);
    const CollectedDisk disk = expect_disk_contract(source, **info);
    CHECK((disk.image() == images[number]));  // not shown: they are long
  }
  for (int again = 0; again < 2; ++again) {
    Result<std::optional<DiskInfo>> end = source.next_disk();
    if (!end) FAIL(end.error().message);
    CHECK_FALSE(end->has_value());
  }
}

}  // namespace hx::test
