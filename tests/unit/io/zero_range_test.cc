// zero_range.h, free_space.h
#include "io/zero_range.h"

#include <fcntl.h>

#include <catch2/catch.hpp>

#include "io/fd_io.h"
#include "io/free_space.h"
#include "support/loop_device.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

std::string zeroed(std::string text, uint64_t offset, uint64_t length) {
  return text.replace(offset, length, length, '\0');
}

}  // namespace

TEST_CASE("a range of a file becomes zero, and nothing else does") {
  TemporaryDirectory directory;
  const std::string old(3 * kMiB + 5, 'o');
  const auto [offset, length] = GENERATE(table<uint64_t, uint64_t>(
      {{0, 3 * kMiB + 5}, {0, 1}, {4096, 4096}, {1000, 2 * kMiB + 1}, {3 * kMiB, 5}, {511, 2}, {7, 0}}));
  write_file(directory / "f", old);
  UniqueFd fd = open_fd(directory / "f", O_RDWR).value();
  REQUIRE(zero_range(fd.get(), "f", offset, length));
  CHECK((read_file(directory / "f") == zeroed(old, offset, length)));
}

TEST_CASE("a zeroed range of a file takes no space") {
  TemporaryDirectory directory;
  write_file(directory / "f", std::string(4 * kMiB, 'o'));
  UniqueFd fd = open_fd(directory / "f", O_RDWR).value();
  const auto before = stat_fd(fd.get(), "f").value().st_blocks;
  REQUIRE(zero_range(fd.get(), "f", kMiB, 2 * kMiB));
  const auto after = stat_fd(fd.get(), "f").value().st_blocks;
  if (after >= before) WARN("skipped: the file system has no holes");
  CHECK(stat_fd(fd.get(), "f").value().st_size == 4 * kMiB);
}

TEST_CASE("a range of a block device becomes zero, at any alignment") {
  TemporaryDirectory directory;
  const std::string old(4 * kMiB, 'o');
  write_file(directory / "backing", old);
  LoopDevice device(directory / "backing");
  if (device.path().empty()) {
    WARN("skipped: loop devices are not permitted");
    return;
  }
  std::string expected = old;
  for (const auto& [offset, length] : std::initializer_list<std::pair<uint64_t, uint64_t>>{{0, 1},
                                                                                           {4096, 4096},
                                                                                           {10'000, 100},
                                                                                           {20'001, 1'000'003},
                                                                                           {2 * kMiB, kMiB},
                                                                                           {4 * kMiB - 3, 3},
                                                                                           {3 * kMiB + 512, 1024}}) {
    INFO(offset << "+" << length);
    // Old data in the page cache, not yet on the device: it must not come back.
    REQUIRE(pwrite_fd(device.fd(), "loop", offset, as_bytes(std::string(length, 'n'))));
    REQUIRE(zero_range(device.fd(), "loop", offset, length));
    expected = zeroed(expected, offset, length);
    REQUIRE((read_file(device.path()) == expected));
  }
  REQUIRE(::fsync(device.fd()) == 0);
  CHECK((read_file(directory / "backing") == expected));
  // The loop driver punches holes into its file: what is zero on a thin device takes no space.
  const UniqueFd backing = open_fd(directory / "backing", O_RDONLY).value();
  const auto before = stat_fd(backing.get(), "backing").value().st_blocks;
  REQUIRE(zero_range(device.fd(), "loop", 0, 4 * kMiB));
  REQUIRE(::fsync(device.fd()) == 0);
  CHECK(stat_fd(backing.get(), "backing").value().st_blocks * 512 < before * 512 - static_cast<int64_t>(kMiB));
}

TEST_CASE("a range that cannot be zeroed is told with its place") {
  TemporaryDirectory directory;
  write_file(directory / "f", "old");
  UniqueFd fd = open_fd(directory / "f", O_RDONLY).value();
  CHECK(zero_range(fd.get(), "f", 2, 1).error().message == "f: zero at 2: Bad file descriptor");
  CHECK(read_file(directory / "f") == "old");
}

TEST_CASE("free space is what statvfs says") {
  TemporaryDirectory directory;
  if (!enter_private_mounts()) {
    WARN("skipped: mounting is not permitted");
    return;
  }
  Mount mount("none", directory.path(), "tmpfs");
  REQUIRE(mount);
  REQUIRE(::mount("none", directory.path().c_str(), "tmpfs", MS_REMOUNT, "size=4m") == 0);
  write_file(directory / "f", std::string(kMiB, 'x'));
  UniqueFd fd = open_fd(directory / "f", O_RDONLY).value();
  CHECK(free_space(fd.get(), "f").value() == 3 * kMiB);
  CHECK(free_space(-1, "f").error().message == "f: free space: Bad file descriptor");
}
