#include "base/is_zero.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace hx;

TEST_CASE("nothing at all is zero") {
  CHECK(is_zero({}));
  CHECK(is_zero(ByteSpan(static_cast<const std::byte*>(nullptr), 0)));
}

TEST_CASE("one byte that is not zero is found at every place, length and alignment") {
  std::vector<std::byte> block(600);
  for (size_t begin = 0; begin < 9; ++begin)
    for (size_t length : {1, 2, 15, 16, 17, 31, 32, 33, 64, 100, 511, 512}) {
      const ByteSpan bytes = ByteSpan(block).subspan(begin, length);
      REQUIRE(is_zero(bytes));
      for (size_t at = 0; at < length; ++at) {
        block[begin + at] = std::byte{0x80};
        REQUIRE_FALSE(is_zero(bytes));
        block[begin + at] = std::byte{0};
      }
    }
}

TEST_CASE("bytes outside do not count") {
  std::vector<std::byte> block(100);
  block[9] = block[90] = std::byte{1};
  CHECK(is_zero(ByteSpan(block).subspan(10, 80)));
}
