#include "io/bounded_queue.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <memory>
#include <thread>
#include <vector>

#include "io/worker_group.h"
#include "support/waiting_thread.h"

using namespace hx;
using namespace hx::test;

TEST_CASE("what goes into a queue comes out in order, then it ends") {
  BoundedQueue<std::unique_ptr<int>> queue(3);
  for (int i = 0; i < 3; ++i) REQUIRE(queue.push(std::make_unique<int>(i)));
  queue.close();
  for (int i = 0; i < 3; ++i) CHECK(**queue.pop().value() == i);
  CHECK_FALSE(queue.pop().value());
  CHECK_FALSE(queue.pop().value());
}

TEST_CASE("a queue loses nothing among many threads") {
  BoundedQueue<int> queue(4);
  std::atomic<int> sum = 0;
  Status given;
  std::thread producers([&] {
    given = run_workers(3, [&](int) -> Status {
      for (int i = 1; i <= 1000; ++i) HX_TRY(queue.push(i));
      return {};
    });
    queue.close();
  });
  const Status taken = run_workers(3, [&](int) -> Status {
    while (const std::optional<int> item = HX_TRY(queue.pop())) sum += *item;
    return {};
  });
  producers.join();
  CHECK(given);
  CHECK(taken);
  CHECK(sum == 3 * 1000 * 1001 / 2);
}

TEST_CASE("a full queue lets a push in only after a pop") {
  BoundedQueue<int> queue(1);
  REQUIRE(queue.push(1));
  Status pushed;
  WaitingThread pusher([&] { pushed = queue.push(2); });
  CHECK_FALSE(pusher.done());
  CHECK(*queue.pop().value() == 1);
  pusher.join();
  CHECK(pushed);
  CHECK(*queue.pop().value() == 2);
}

TEST_CASE("the first failure reaches both sides, also those who wait") {
  BoundedQueue<int> full(1), empty(1);
  REQUIRE(full.push(1));
  Status pushed;
  Result<std::optional<int>> popped = std::optional<int>();
  WaitingThread pusher([&] { pushed = full.push(2); }), popper([&] { popped = empty.pop(); });
  CHECK_FALSE((pusher.done() || popper.done()));
  full.fail(damaged("first"));
  full.fail(damaged("second"));
  empty.fail(damaged("third"));
  pusher.join();
  popper.join();
  REQUIRE_FALSE(pushed);
  CHECK(pushed.error().message == "first");
  CHECK(full.pop().error().message == "first");  // and what was inside is gone
  REQUIRE_FALSE(popped);
  CHECK(popped.error().message == "third");
}
