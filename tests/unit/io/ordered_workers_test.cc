#include "io/ordered_workers.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <latch>
#include <memory>

#include "io/buffer_pool.h"
#include "support/waiting_thread.h"

using namespace hx;
using namespace hx::test;

namespace {

using Workers = OrderedWorkers<int, int>;

// Counts how many of it live.
class Counted {
 public:
  explicit Counted(std::atomic<int>& live, std::atomic<int>& most) : live_(&live) {
    const int now = ++*live_;
    for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) continue;
  }
  Counted(Counted&& other) noexcept : live_(std::exchange(other.live_, nullptr)) {}
  Counted& operator=(Counted&& other) noexcept {
    std::swap(live_, other.live_);
    return *this;
  }
  ~Counted() {
    if (live_) --*live_;
  }

 private:
  std::atomic<int>* live_;
};

}  // namespace

TEST_CASE("results come in the order of the jobs, even if a later one is done first") {
  std::latch second_done(1);
  Workers workers(2, 4, [&](int&& job, int) -> Result<int> {
    if (job == 0) second_done.wait();
    if (job == 1) second_done.count_down();
    return job * 10;
  });
  for (int i = 0; i < 3; ++i) REQUIRE(workers.submit(i));
  workers.close();
  for (int i = 0; i < 3; ++i) CHECK(*workers.next().value() == i * 10);
  CHECK_FALSE(workers.next().value());
  CHECK_FALSE(workers.next().value());
}

TEST_CASE("a full window lets a job in only when a result is taken, done or not") {
  Workers workers(2, 2, [](int&& job, int) -> Result<int> { return job; });
  REQUIRE(workers.submit(0));
  REQUIRE(workers.submit(1));
  CHECK_FALSE(workers.has_room());
  Status submitted;
  WaitingThread submitter([&] { submitted = workers.submit(2); });
  CHECK_FALSE(submitter.done());
  CHECK(*workers.next().value() == 0);
  submitter.join();
  CHECK(submitted);
}

TEST_CASE("many jobs between two threads stay in order and within the window") {
  constexpr int kWindow = 5, kJobs = 2000;
  std::atomic<int> live = 0, most = 0, bad_worker = 0;
  {
    OrderedWorkers<std::pair<int, Counted>, std::pair<int, Counted>> workers(3, kWindow, [&](auto&& job, int worker) {
      if (worker < 0 || worker > 2) ++bad_worker;
      return Result<std::pair<int, Counted>>(std::move(job));
    });
    std::thread submitter([&] {
      for (int i = 0; i < kJobs && workers.submit({i, Counted(live, most)}); ++i) continue;
      workers.close();
    });
    int expected = 0;
    while (auto out = std::move(workers.next()).value()) {
      if (out->first != expected) break;
      ++expected;
    }
    submitter.join();
    CHECK(expected == kJobs);
  }
  CHECK(most <= kWindow + 2);  // one waits to be submitted, one was just taken
  CHECK(bad_worker == 0);
  CHECK(live == 0);
}

TEST_CASE("one thread may submit and take, as long as there is room") {
  Workers workers(2, 3, [](int&& job, int) -> Result<int> { return job; });
  int submitted = 0, taken = 0;
  while (taken < 500) {
    while (submitted < 500 && workers.has_room()) REQUIRE(workers.submit(submitted++));
    CHECK(submitted - taken <= 3);
    REQUIRE(*workers.next().value() == taken++);
  }
}

TEST_CASE("the first failure ends everything, for both sides") {
  std::latch failed(1);
  Workers workers(2, 2, [&](int&& job, int) -> Result<int> {
    if (job == 1) return damaged("job 1");
    failed.wait();  // job 0 is still at work when job 1 fails
    return job;
  });
  REQUIRE(workers.submit(0));
  REQUIRE(workers.submit(1));
  Status third = workers.submit(2);  // the window is full: only the failure can end this
  REQUIRE_FALSE(third);
  CHECK(third.error().message == "job 1");
  failed.count_down();
  workers.fail(damaged("later"));
  CHECK(workers.next().error().message == "job 1");
  CHECK(workers.submit(3).error().message == "job 1");
}

TEST_CASE("a failure from outside wakes the one who waits for a result") {
  Workers workers(1, 2, [](int&& job, int) -> Result<int> { return job; });
  Result<std::optional<int>> out = std::optional<int>();
  WaitingThread taker([&] { out = workers.next(); });
  CHECK_FALSE(taker.done());
  workers.fail(source_changed("from outside"));
  taker.join();
  REQUIRE_FALSE(out);
  CHECK(out.error().message == "from outside");
  CHECK(out.error().kind == ErrorKind::kChanged);
}

TEST_CASE("jobs that nobody takes are dropped at the end") {
  std::atomic<int> live = 0, most = 0;
  std::latch begun(1), destroying(1);
  std::thread releaser;
  {
    OrderedWorkers<Counted, Counted> workers(1, 100, [&](Counted&& job, int) -> Result<Counted> {
      begun.count_down();
      destroying.wait();
      return std::move(job);
    });
    for (int i = 0; i < 50; ++i) REQUIRE(workers.submit(Counted(live, most)));
    begun.wait();
    CHECK(live == 50);
    releaser = std::thread([&] { destroying.count_down(); });
  }
  releaser.join();
  CHECK(live == 0);
}

TEST_CASE("whoever waits for a buffer gets it when the workers fail or go") {
  BufferPool pool(4096, 2);
  const auto copy = [&](Buffer&& job, int) -> Result<Buffer> { return std::move(job); };
  Buffer got;
  SECTION("fail") {
    OrderedWorkers<Buffer, Buffer> workers(1, 4, copy);
    REQUIRE(workers.submit(pool.acquire(1)));
    REQUIRE(workers.submit(pool.acquire(1)));
    WaitingThread waiter([&] { got = pool.acquire(1); });
    CHECK_FALSE(waiter.done());
    workers.fail(damaged("x"));
    waiter.join();
    CHECK(got.size() == 1);
  }
  SECTION("go, while a worker itself waits for one") {
    std::latch waiting(1);
    OrderedWorkers<Buffer, Buffer> workers(1, 4, [&](Buffer&& job, int) -> Result<Buffer> {
      if (job.size() == 1) return std::move(job);
      waiting.count_down();
      return pool.acquire(1);
    });
    REQUIRE(workers.submit(pool.acquire(1)));
    REQUIRE(workers.submit(pool.acquire(1)));
    REQUIRE(workers.submit(Buffer::copy_of(as_bytes("xx"))));
    waiting.wait();
  }
}

TEST_CASE("what only moves can be a job and a result") {
  OrderedWorkers<std::unique_ptr<int>, std::unique_ptr<int>> workers(
      1, 1, [](std::unique_ptr<int>&& job, int) -> Result<std::unique_ptr<int>> { return std::move(job); });
  REQUIRE(workers.submit(std::make_unique<int>(4)));
  CHECK(**workers.next().value() == 4);
}
