#include "base/clock.h"

#include <catch2/catch.hpp>

using namespace hx;
using std::chrono::milliseconds;
using std::chrono::system_clock;

TEST_CASE("times are written in UTC with milliseconds") {
  CHECK(format_rfc3339(system_clock::time_point(milliseconds(0))) == "1970-01-01T00:00:00.000Z");
  CHECK(format_rfc3339(system_clock::time_point(milliseconds(1769903999123))) == "2026-01-31T23:59:59.123Z");
  CHECK(format_rfc3339(system_clock::time_point(milliseconds(951782400007))) == "2000-02-29T00:00:00.007Z");
}

TEST_CASE("a time before 1970 rounds down, not towards it") {
  CHECK(format_rfc3339(system_clock::time_point(milliseconds(-1))) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("sleeping takes the time that it was asked to") {
  Clock& clock = hx::system_clock();
  const auto begin = clock.now();
  clock.sleep_for(milliseconds(1));
  CHECK(clock.now() - begin >= milliseconds(1));
}
