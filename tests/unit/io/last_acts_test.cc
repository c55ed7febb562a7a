#include "io/last_acts.h"

#include <catch2/catch.hpp>
#include <string>

using namespace hx;

TEST_CASE("what must be done before the process ends is done once, the youngest first, unless it was taken back") {
  std::string done;
  LastAct first([&] { done += "first "; });
  {
    LastAct gone([&] { done += "gone "; });
  }
  LastAct second([&] { done += "second "; });
  run_last_acts();
  CHECK(done == "second first ");
  run_last_acts();
  CHECK(done == "second first ");
}
