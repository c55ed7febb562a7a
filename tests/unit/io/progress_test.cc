#include "io/progress.h"

#include <catch2/catch.hpp>
#include <thread>

using namespace hx;

TEST_CASE("disks are shown in the order of their addition, and stay where they are") {
  Progress progress;
  DiskProgress& first = progress.add_disk("a", 10);
  for (int i = 0; i < 100; ++i) progress.add_disk("b" + std::to_string(i), 0);
  first.covered = 4;
  std::vector<std::string> names;
  progress.for_each([&](const DiskProgress& disk) { names.push_back(disk.name); });
  REQUIRE(names.size() == 101);
  CHECK(names.front() == "a");
  CHECK(names.back() == "b99");
  progress.for_each([&](const DiskProgress& disk) {
    if (disk.name == "a") CHECK((disk.total == 10 && disk.covered == 4 && !disk.finished));
  });
}

TEST_CASE("counts are read while they are written") {
  Progress progress;
  DiskProgress& disk = progress.add_disk("a", 1000);
  std::thread writer([&] {
    for (int i = 0; i < 1000; ++i) ++disk.covered;
    disk.finished = true;
  });
  uint64_t seen = 0;
  for (bool finished = false; !finished;)
    progress.for_each([&](const DiskProgress& one) {
      finished = one.finished;
      if (one.covered < seen) seen = UINT64_MAX;
      seen = std::max<uint64_t>(seen, one.covered);
    });
  writer.join();
  CHECK(seen == 1000);
}
