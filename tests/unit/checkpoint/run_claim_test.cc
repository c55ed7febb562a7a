#include "checkpoint/run_claim.h"

#include <unistd.h>

#include <catch2/catch.hpp>

#include "checkpoint/sidecar_text.h"
#include "sample_checkpoint.h"

using namespace hx;
using namespace hx::test;

namespace {

class FixedClock : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override { return {}; }
  WallTime wall_now() const override { return wall; }
  void sleep_for(std::chrono::nanoseconds) override {}
  WallTime wall = at_second(1769905000);
};

}  // namespace

TEST_CASE("a claim goes into a checkpoint and out of it again, and leaves no trace") {
  const FixedClock clock;
  RunClaim claim = claim_of_this_run(clock);
  claim.until += std::chrono::minutes(1);
  const std::string text = format_sidecar(sample_checkpoint());
  CHECK_FALSE(claim_in(text));
  const std::string claimed = with_claim(text, claim).value();
  const RunClaim found = claim_in(claimed).value();
  CHECK(found.holder() == claim.holder());
  CHECK(found.until == claim.until);
  CHECK(found.run == claim.run);
  CHECK(found.holder().find("process " + std::to_string(getpid()) + " on ") != std::string::npos);
  CHECK(without_claim(claimed).value() == text);
  CHECK(parse_sidecar(claimed).value().files == sample_checkpoint().files);
  // And through a reader that writes it again.
  CHECK(claim_in(format_sidecar(parse_sidecar(claimed).value()))->run == claim.run);
  CHECK(claim_of_this_run(clock).run != claim.run);
}

TEST_CASE("what is no checkpoint, or no claim, claims nothing") {
  for (const char* text : {"", "[]", "{}", "{\"metadata\":3}", "{\"metadata\":{\"claim\":\"x\"}}",
                           "{\"metadata\":{\"claim\":\"{}\"}}", "{\"metadata\":{\"claim\":7}}"})
    CHECK_FALSE(claim_in(text));
  CHECK_FALSE(with_claim("[]", RunClaim()).ok());
  CHECK_FALSE(without_claim("{").ok());
}

TEST_CASE("a claim ends with its time, and with its process where that can be seen") {
  FixedClock clock;
  RunClaim claim = claim_of_this_run(clock);
  CHECK_FALSE(may_live(claim, clock));  // its time is over at once
  claim.until += std::chrono::minutes(1);
  CHECK_FALSE(may_live(claim, clock));  // an earlier process had our number
  claim.pid = static_cast<uint64_t>(getppid());
  CHECK(may_live(claim, clock));
  claim.pid = 0x7FFFFFF0;  // more than any kernel gives
  CHECK_FALSE(may_live(claim, clock));
  claim.kernel = "another one";
  CHECK(may_live(claim, clock));
  clock.wall += std::chrono::minutes(2);
  CHECK_FALSE(may_live(claim, clock));
}
