#include "checkpoint/durable_ranges.h"

#include <catch2/catch.hpp>
#include <random>
#include <set>

using namespace hx;

TEST_CASE("ranges in any order and overlap are as a set of bytes would have them") {
  std::mt19937 random(4711);
  for (int round = 0; round < 200; ++round) {
    DurableRanges ranges;
    std::set<uint64_t> bytes;
    for (int i = 0; i < 12; ++i) {
      const uint64_t begin = random() % 40, end = begin + random() % 8;
      ranges.add(begin, end);
      for (uint64_t byte = begin; byte < end; ++byte) bytes.insert(byte);
      const auto list = ranges.intervals();
      uint64_t count = 0, last = 0;
      for (const ByteInterval& range : list) {
        REQUIRE(range.begin < range.end);
        REQUIRE((count == 0 || range.begin > last));  // apart, not touching
        for (uint64_t byte = range.begin; byte < range.end; ++byte, ++count) REQUIRE(bytes.contains(byte));
        last = range.end;
      }
      REQUIRE(count == bytes.size());
      REQUIRE(ranges.bytes() == count);
      REQUIRE(ranges.end() == last);
      uint64_t prefix = 0;
      while (bytes.contains(prefix)) ++prefix;
      REQUIRE(ranges.prefix_end() == prefix);
      const uint64_t from = random() % 50, to = from + random() % 5;
      bool all = true;
      for (uint64_t byte = from; byte < to; ++byte) all &= bytes.contains(byte);
      REQUIRE(ranges.contains(from, to) == all);
      DurableRanges here;
      for (const ByteInterval& gap : ranges.missing(from, to)) {
        REQUIRE((from <= gap.begin && gap.end <= to));
        here.add(gap.begin, gap.end);
      }
      for (uint64_t byte = from; byte < to; ++byte) REQUIRE(here.contains(byte, byte + 1) != bytes.contains(byte));
      DurableRanges whole = ranges;
      for (const ByteInterval& gap : ranges.missing(30)) {
        REQUIRE(gap.end <= 30);
        for (uint64_t byte = gap.begin; byte < gap.end; ++byte) REQUIRE_FALSE(bytes.contains(byte));
        whole.add(gap.begin, gap.end);
      }
      REQUIRE(whole.contains(0, 30));
    }
  }
}

TEST_CASE("the largest offsets") {
  DurableRanges ranges;
  ranges.add(~uint64_t{0} - 1, ~uint64_t{0});
  ranges.add(0, 1);
  CHECK(ranges.intervals().size() == 2);
  CHECK(ranges.missing(2) == std::vector<ByteInterval>{{1, 2}});
  CHECK(ranges.missing(0).empty());
}
