#include "io/hole_scan.h"

#include <catch2/catch.hpp>
#include <vector>

#include "io/fd_io.h"
#include "support/loop_device.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

using Ranges = std::vector<std::pair<uint64_t, uint64_t>>;

Ranges scan(int fd, uint64_t from, uint64_t size) {
  Ranges ranges;
  while (const auto data = next_data(fd, "f", from, size).value()) {
    REQUIRE(data->begin >= from);
    REQUIRE(data->end > data->begin);
    ranges.emplace_back(data->begin, data->end);
    from = data->end;
  }
  return ranges;
}

// Data at 1 to 2 MiB and 5 to 6 MiB of 8 MiB.
UniqueFd sparse_file(const std::string& path) {
  UniqueFd fd = open_fd(path, O_CREAT | O_RDWR).value();
  REQUIRE(::ftruncate(fd.get(), 8 * kMiB) == 0);
  for (const uint64_t at : {1, 5}) REQUIRE(pwrite_fd(fd.get(), "f", at * kMiB, as_bytes(std::string(kMiB, 'd'))));
  return fd;
}

bool has_holes(int fd) { return ::lseek(fd, 0, SEEK_DATA) == off_t{kMiB}; }

}  // namespace

TEST_CASE("data between holes is found, clipped to what is asked for") {
  TemporaryDirectory directory;
  UniqueFd fd = sparse_file(directory / "f");
  if (!has_holes(fd.get())) {
    WARN("skipped: the file system has no holes");
    return;
  }
  CHECK(scan(fd.get(), 0, 8 * kMiB) == Ranges{{kMiB, 2 * kMiB}, {5 * kMiB, 6 * kMiB}});
  CHECK(scan(fd.get(), kMiB + 7, 8 * kMiB) == Ranges{{kMiB + 7, 2 * kMiB}, {5 * kMiB, 6 * kMiB}});
  CHECK(scan(fd.get(), 0, kMiB + 9) == Ranges{{kMiB, kMiB + 9}});
  CHECK(scan(fd.get(), 0, kMiB) == Ranges{});
  CHECK(scan(fd.get(), 2 * kMiB, 5 * kMiB) == Ranges{});
  CHECK(scan(fd.get(), 6 * kMiB, 8 * kMiB) == Ranges{});
  CHECK(scan(fd.get(), 9 * kMiB, 8 * kMiB) == Ranges{});
}

TEST_CASE("a file without data and one without holes") {
  TemporaryDirectory directory;
  UniqueFd fd = open_fd(directory / "f", O_CREAT | O_RDWR).value();
  CHECK(scan(fd.get(), 0, 0) == Ranges{});
  REQUIRE(pwrite_fd(fd.get(), "f", 0, as_bytes("12345")));
  CHECK(scan(fd.get(), 0, 5) == Ranges{{0, 5}});
}

TEST_CASE("a file that shrinks while it is scanned ends the scan") {
  TemporaryDirectory directory;
  UniqueFd fd = sparse_file(directory / "f");
  const auto first = next_data(fd.get(), "f", 0, 8 * kMiB).value();
  REQUIRE(first);
  REQUIRE(::ftruncate(fd.get(), kMiB + 100) == 0);
  CHECK(scan(fd.get(), first->end, 8 * kMiB) == Ranges{});
  CHECK(scan(fd.get(), 0, 8 * kMiB).size() <= 1);
}

TEST_CASE("a block device is all data") {
  TemporaryDirectory directory;
  UniqueFd backing = sparse_file(directory / "f");
  LoopDevice device(directory / "f");
  if (device.path().empty()) {
    WARN("skipped: loop devices are not permitted");
    return;
  }
  CHECK(scan(device.fd(), 3, 8 * kMiB) == Ranges{{3, 8 * kMiB}});
}

TEST_CASE("where the system cannot tell, all is data") {
  UniqueFd fd = open_fd("/proc/self/status", O_RDONLY).value();
  CHECK(scan(fd.get(), 0, 10) == Ranges{{0, 10}});
}

TEST_CASE("a scan that fails says where") {
  CHECK(next_data(-1, "disk.img", 512, 1024).error().message == "disk.img: seek to data at 512: Bad file descriptor");
}
