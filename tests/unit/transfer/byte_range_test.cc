#include "transfer/byte_range.h"

#include <catch2/catch.hpp>

using namespace hx;

TEST_CASE("a range is an offset with a length or an end") {
  CHECK(parse_byte_range("0+512").value() == Range{0, 512});
  CHECK(parse_byte_range("1M+64K").value() == Range{1 << 20, 64 << 10});
  CHECK(parse_byte_range("1M-2M").value() == Range{1 << 20, 1 << 20});
  CHECK(parse_byte_range("0-18446744073709551615").value() == Range{0, UINT64_MAX});
}

TEST_CASE("what is no range is a usage error that quotes it") {
  for (const char* text : {"", "5", "+", "-", "1+", "+1", "1-", "-1", "2M-1M", "5+0", "5-5", "1+2+3", "a+b", "1 + 2",
                           "18446744073709551615+1", "99999999999999999999+1"}) {
    CAPTURE(text);
    auto range = parse_byte_range(text);
    REQUIRE_FALSE(range.ok());
    CHECK(range.error().kind == ErrorKind::kUsage);
    CHECK(range.error().message.starts_with("'" + std::string(text) + "'"));
  }
}
