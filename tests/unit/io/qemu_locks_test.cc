#include "io/qemu_locks.h"

#include <fcntl.h>
#include <catch2/catch.hpp>

#include "io/fd_io.h"
#include "support/temporary_directory.h"

using namespace hx;

TEST_CASE("QEMU's locks: readers share, a writer is alone, each is gone with its descriptor") {
  test::TemporaryDirectory directory;
  const std::string path = directory / "disk";
  test::write_file(path, "x");
  const auto open = [&]() -> UniqueFd { return open_fd(path, O_RDWR).value(); };
  const auto is_refused = [&](int fd, UseFor use) {
    Status status = take_qemu_locks(fd, path, use);
    if (!status.ok()) CHECK(status.error().reason == "in-use");
    return !status.ok();
  };
  {
    const UniqueFd one = open(), two = open(), writer = open();
    CHECK_FALSE(is_refused(one.get(), UseFor::kReading));
    CHECK_FALSE(is_refused(two.get(), UseFor::kReading));
    CHECK(is_refused(writer.get(), UseFor::kWriting));
  }
  {
    const UniqueFd writer = open(), reader = open(), other = open();
    CHECK_FALSE(is_refused(writer.get(), UseFor::kWriting));
    CHECK(is_refused(reader.get(), UseFor::kReading));
    CHECK(is_refused(other.get(), UseFor::kWriting));
  }
  const UniqueFd last = open();
  CHECK_FALSE(is_refused(last.get(), UseFor::kWriting));
  CHECK_FALSE(is_refused(last.get(), UseFor::kWriting));  // its own do not count
}
