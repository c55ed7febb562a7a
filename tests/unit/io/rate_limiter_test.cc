#include "io/rate_limiter.h"

#include <catch2/catch.hpp>

using namespace hx;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

namespace {

class FakeClock : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override { return now_; }
  std::chrono::system_clock::time_point wall_now() const override { return {}; }
  void sleep_for(nanoseconds time) override { now_ += time; }
  void pass(nanoseconds time) { now_ += time; }
  nanoseconds since_start() const { return now_ - start_; }

 private:
  const std::chrono::steady_clock::time_point start_{seconds(1000)};
  std::chrono::steady_clock::time_point now_ = start_;
};

}  // namespace

TEST_CASE("so many bytes take so much time, in pieces of any size") {
  FakeClock clock;
  RateLimiter limiter(1'000'000, clock);
  const uint64_t piece = GENERATE(1'000, 10'000, 500'000, 4'000'000);
  for (uint64_t spent = 0; spent < 4'000'000; spent += piece) limiter.spend(piece);
  CHECK(clock.since_start() == seconds(4));
}

TEST_CASE("the time that the work itself took is not waited for again") {
  FakeClock clock;
  RateLimiter limiter(1'000'000, clock);
  for (int i = 0; i < 10; ++i) {
    limiter.spend(100'000);
    clock.pass(milliseconds(60));
  }
  CHECK(clock.since_start() == milliseconds(1060));
}

TEST_CASE("no more than a quarter second is saved up") {
  FakeClock clock;
  RateLimiter limiter(1'000'000, clock);
  clock.pass(seconds(100));
  limiter.spend(1'000'000);
  CHECK(clock.since_start() == seconds(100) + milliseconds(750));
}

TEST_CASE("no limit waits for nothing, an absurd amount does not overflow") {
  FakeClock clock;
  RateLimiter(0, clock).spend(UINT64_MAX);
  CHECK(clock.since_start() == nanoseconds(0));
  RateLimiter(1, clock).spend(UINT64_MAX);
  CHECK(clock.since_start() == seconds(1'000'000'000));
}
