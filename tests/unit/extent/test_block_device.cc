// In place on a real block device: a loop device over a file of old data.
#include <fcntl.h>
#include <catch2/catch.hpp>

#include "extent/file_sink.h"
#include "extent/pump.h"
#include "io/unique_fd.h"
#include "support/loop_device.h"
#include "support/memory_disk.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

TEST_CASE("a block device gets the disk's bytes, zeros over old data included") {
  TemporaryDirectory directory;
  const std::string old(16 * kMiB, 'o');
  write_file(directory / "backing", old);
  LoopDevice device(directory / "backing");
  if (device.path().empty()) {
    WARN("skipped: loop devices are not permitted");
    return;
  }
  auto disk = std::make_shared<MemoryDisk>(
      15 * kMiB + 512, std::vector<MapEntry>{{4096, 3 * kMiB, Kind::kData}, {9 * kMiB + 512, 512, Kind::kData}});
  auto sink = in_place_sink(device.path(), Force::kNo);
  if (!sink) FAIL(sink.error().message);
  REQUIRE(parallel_pump(*disk, disk->whole_map(), **sink, 2, {}).ok());
  REQUIRE(sink.value()->commit().ok());
  CHECK((read_file(device.path()) == disk->text() + old.substr(15 * kMiB + 512)));

  auto too_small = in_place_sink(device.path(), Force::kYes);
  REQUIRE(too_small.ok());
  Status begun = too_small.value()->begin_disk(MemoryDisk(17 * kMiB).info());
  REQUIRE_FALSE(begun.ok());
  CHECK(begun.error().kind == ErrorKind::kRefused);
}

TEST_CASE("a block device that somebody holds exclusively is refused") {
  TemporaryDirectory directory;
  write_file(directory / "backing", std::string(kMiB, 'o'));
  LoopDevice device(directory / "backing");
  if (device.path().empty()) {
    WARN("skipped: loop devices are not permitted");
    return;
  }
  UniqueFd holder(::open(device.path().c_str(), O_RDWR | O_EXCL | O_CLOEXEC));
  REQUIRE(holder);
  auto sink = in_place_sink(device.path(), Force::kNo);
  REQUIRE_FALSE(sink.ok());
  CHECK(sink.error().kind == ErrorKind::kRefused);
  CHECK(sink.error().hint.find("--force") != std::string::npos);
  CHECK(in_place_sink(device.path(), Force::kYes).ok());
}
