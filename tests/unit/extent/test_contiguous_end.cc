#include <catch2/catch.hpp>

#include <random>

#include "extent/contiguous_end.h"

using namespace hx;

TEST_CASE("the contiguous end grows over islands, in whatever order they come") {
  std::mt19937 random(5);
  for (int round = 0; round < 50; ++round) {
    std::vector<Range> pieces;
    for (uint64_t at = 0; at < 300;) {
      const uint64_t length = 1 + random() % 20;
      pieces.push_back({at, length});
      at += length;
    }
    std::shuffle(pieces.begin(), pieces.end(), random);
    std::vector<bool> bytes(400, false);
    ContiguousEnd end;
    for (const Range& piece : pieces) {
      end.done(piece.offset, piece.length);
      std::fill_n(bytes.begin() + static_cast<ptrdiff_t>(piece.offset), piece.length, true);
      REQUIRE(end.get() == static_cast<uint64_t>(std::ranges::find(bytes, false) - bytes.begin()));
    }
  }
}

TEST_CASE("what lies outside a part's ranges is no gap") {
  DiskInfo info;
  info.size = 1000;
  info.kind = DiskKind::kPart;
  info.ranges = {{100, 50}, {200, 50}};
  ContiguousEnd end;
  end.start(info);
  CHECK(end.get() == 100);
  end.done(200, 50);
  CHECK(end.get() == 100);
  end.done(100, 50);
  CHECK(end.get() == 1000);
}
