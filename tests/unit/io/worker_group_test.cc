#include "io/worker_group.h"

#include <atomic>
#include <catch2/catch.hpp>

#include "io/bounded_queue.h"

using namespace hx;

TEST_CASE("every worker runs once with its number") {
  std::atomic<unsigned> numbers = 0;
  CHECK(run_workers(5, [&](int worker) -> Status {
    numbers += 1u << worker;
    return {};
  }));
  CHECK(numbers == 31);
  CHECK(run_workers(0, [](int) -> Status { return damaged("never"); }));
}

TEST_CASE("the first failure is the answer, is told once, and wakes the others") {
  BoundedQueue<int> queue(1);
  int told = 0;
  Status status = run_workers(
      4,
      [&](int worker) -> Status {
        if (worker == 2) return damaged("worker 2");
        HX_TRY_IN("woken", queue.pop());  // nobody ever pushes
        return {};
      },
      [&](const Error& error) {
        ++told;
        queue.fail(Error(error));
      });
  REQUIRE_FALSE(status);
  CHECK(status.error().message == "worker 2");
  CHECK(told == 1);
}
