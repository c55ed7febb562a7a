#include "io/closed_reader.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <future>

using namespace hx;

TEST_CASE("a pipe whose reader goes is noticed without a write") {
  int fds[2];
  REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
  UniqueFd reading(fds[0]);
  const UniqueFd writing(fds[1]);
  REQUIRE(::write(writing.get(), "x", 1) == 1);
  std::promise<void> told;
  const ClosedReaderWatch watch(writing.get(), [&] { told.set_value(); });
  CHECK_FALSE(watch.is_closed());
  reading.reset();
  told.get_future().wait();
  CHECK(watch.is_closed());
}

TEST_CASE("a watch ends with its owner, whether its pipe is read or not, and of files says nothing") {
  int fds[2];
  REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
  const UniqueFd reading(fds[0]), writing(fds[1]), file(::memfd_create("test", MFD_CLOEXEC));
  bool called = false;
  for (const int fd : {writing.get(), file.get(), -1}) {
    const ClosedReaderWatch watch(fd, [&] { called = true; });
    CHECK_FALSE(watch.is_closed());
  }
  CHECK_FALSE(called);
}
