#include "cli/progress_text.h"
#include "base/json.h"

#include <catch2/catch.hpp>
#include <clocale>

#include "base/bytes.h"
#include "cli/terminal.h"

using namespace hx;
using namespace std::chrono_literals;

namespace {

DiskView halfway() {
  DiskView disk;
  disk.name = "web-01";
  disk.covered = 16 * kGiB;
  disk.total = 32 * kGiB;
  disk.moved = 4 * kGiB;
  disk.rate = 512.0 * kMiB;
  disk.eta = 83;
  return disk;
}

}  // namespace

TEST_CASE("durations are short and unambiguous") {
  CHECK(format_duration(0) == "0:00");
  CHECK(format_duration(6.2) == "0:07");
  CHECK(format_duration(754) == "12:34");
  CHECK(format_duration(3 * 3600 + 2 * 60 + 1) == "3:02:01");
  CHECK(format_duration(4 * 86400 + 3 * 3600 + 120) == "4d 03:02");
  CHECK(format_duration(-1) == "-:--");
  CHECK(format_duration(1e300) == "-:--");
}

TEST_CASE("a progress line fits every width and loses its least important parts first") {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  const bool unicode = GENERATE(true, false);
  const int columns = GENERATE(range(1, 140));
  LineStyle style{.columns = columns, .unicode = unicode};
  std::string line = format_progress_line(halfway(), 6, style);
  CAPTURE(line);
  CHECK(columns_of(line) <= std::max(columns - 1, 0));
  if (columns >= 20) CHECK(line.find("50%") != std::string::npos);
  if (columns >= 80) CHECK(line.find("1:23") != std::string::npos);
}

TEST_CASE("the bar shows the part that is done") {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  CHECK(format_progress_line(halfway(), 6, {.columns = 80}) ==
        "web-01  [#########..........]   50%   16.0 GiB of 32.0 GiB   512 MiB/s     1:23");
  CHECK(format_progress_line(halfway(), 6, {.columns = 80, .unicode = true}) ==
        "web-01  ━━━━━━━━━━╸──────────   50%   16.0 GiB of 32.0 GiB   512 MiB/s     1:23");
}

TEST_CASE("100% is said only of what is finished") {
  DiskView disk = halfway();
  disk.covered = disk.total - 1;
  CHECK(format_status(disk).find("99%") != std::string::npos);
  disk.covered = disk.total;
  CHECK(format_status(disk).find("99%") != std::string::npos);
  disk.finished = true;
  CHECK(format_status(disk).find("100%") != std::string::npos);
}

TEST_CASE("a disk of unknown size has neither percent nor time left") {
  DiskView disk = halfway();
  disk.total = 0;
  disk.eta = std::nullopt;
  CHECK(format_status(disk) == "web-01: 16.0 GiB, 512 MiB/s");
  Json event = progress_event(disk);
  CHECK(event["total"].is_null());
  CHECK(event["eta"].is_null());
}

TEST_CASE("the rate is of data, the time left of all that is covered") {
  RateMeter meter;
  std::chrono::steady_clock::time_point start{};
  CHECK(meter.rate() == 0);
  CHECK_FALSE(meter.eta(100).has_value());
  meter.add(start, 0, 0);
  meter.add(start + 2s, 1000, 200);
  CHECK(meter.rate() == Approx(100));
  REQUIRE(meter.eta(2000).has_value());
  CHECK(*meter.eta(2000) == Approx(2));
  CHECK_FALSE(meter.eta(0).has_value());
}

TEST_CASE("the rate follows what happened in the last seconds") {
  RateMeter meter;
  std::chrono::steady_clock::time_point start{};
  uint64_t moved = 0;
  for (int second = 0; second < 60; ++second) {
    moved += second < 30 ? 1000 : 10;
    meter.add(start + std::chrono::seconds(second), moved, moved);
  }
  CHECK(meter.rate() == Approx(10));
}

TEST_CASE("time that stands still divides nothing") {
  RateMeter meter;
  std::chrono::steady_clock::time_point start{};
  meter.add(start, 0, 0);
  meter.add(start, 1000, 1000);
  CHECK(meter.rate() == 0);
  CHECK_FALSE(meter.eta(2000).has_value());
}

TEST_CASE("events carry numbers for programs") {
  CHECK(
      dump_json(progress_event(halfway())) ==
      R"({"type":"progress","disk":"web-01","bytes":17179869184,"total":34359738368,"data":4294967296,"rate":536870912,"eta":83.0})");
  DiskView done = halfway();
  done.finished = true;
  CHECK(dump_json(summary_event({done, done}, 8)) ==
        R"({"type":"summary","disks":2,"bytes":34359738368,"data":8589934592,"seconds":8.0,"rate":1073741824})");
}

TEST_CASE("the summary says how much, how much of it was data, how long and how fast") {
  CHECK(format_summary(halfway(), 8) == "web-01: 16.0 GiB (4.00 GiB of data) in 8.0 s, 512 MiB/s");
  DiskView dense = halfway();
  dense.moved = dense.covered;
  CHECK(format_summary(dense, 160) == "web-01: 16.0 GiB in 2:40, 102 MiB/s");
}

TEST_CASE("the total is finished when all are, and known when all are") {
  DiskView a = halfway(), b = halfway();
  a.finished = true;
  CHECK_FALSE(total_of({a, b}).finished);
  CHECK(total_of({a, b}).total == 64 * kGiB);
  b.total = 0;
  CHECK(total_of({a, b}).total == 0);
  CHECK_FALSE(total_of({}).finished);
}
