#include "base/time_text.h"

#include <catch2/catch.hpp>

#include "base/base64url.h"
#include "base/clock.h"

using namespace hx;
using namespace std::chrono_literals;

TEST_CASE("times are read as other programs write them") {
  const auto read = [](const char* text) { return format_rfc3339(parse_rfc3339(text).value()); };
  CHECK(read("2026-01-23T10:00:00Z") == "2026-01-23T10:00:00.000Z");
  CHECK(read("2026-01-23t10:00:00.123456789z") == "2026-01-23T10:00:00.123Z");
  CHECK(read("2026-01-01T00:30:00+01:00") == "2025-12-31T23:30:00.000Z");
  CHECK(read("2024-02-29T23:59:59.5-00:01") == "2024-03-01T00:00:59.500Z");
  CHECK(read("0001-01-01T00:00:00Z") == "1970-01-01T00:00:00.000Z");  // Go's time that was never set
  CHECK(read("2261-12-31T23:59:59Z") == "2261-12-31T23:59:59.000Z");
  CHECK(read("2261-12-31T23:59:59-00:01") == "1970-01-01T00:00:00.000Z");
  CHECK(read("1969-12-31T23:59:59.25Z") == "1969-12-31T23:59:59.250Z");
}

TEST_CASE("what is no time is refused, cut at every byte") {
  const std::string good = "2026-01-23T10:00:00.5+01:00";
  for (size_t cut = 0; cut < good.size(); ++cut) CHECK_FALSE(parse_rfc3339(good.substr(0, cut)));
  for (const char* text :
       {"2026-02-29T10:00:00Z", "2026-13-01T10:00:00Z", "2026-01-00T10:00:00Z", "2026-01-23T24:00:00Z",
        "2026-01-23T10:60:00Z", "2026-01-23T10:00:60Z", "2026-01-23 10:00:00Z", "2026-01-23T10:00:00.Z",
        "2026-01-23T10:00:00.1234567890Z", "2026-01-23T10:00:00ZZ", "2026-01-23T10:00:00+1:00", "-026-01-23T10:00:00Z"})
    CHECK_FALSE(parse_rfc3339(text));
}

TEST_CASE("spans of time") {
  CHECK(parse_duration("30s").value() == 30s);
  CHECK(parse_duration("0.5s").value() == 500ms);
  CHECK(parse_duration("1.25m").value() == 75s);
  CHECK(parse_duration("250ms").value() == 250ms);
  CHECK(parse_duration("5m").value() == 5min);
  CHECK(parse_duration("5min").value() == 5min);
  CHECK(parse_duration("1h").value() == 1h);
  CHECK(parse_duration("7d").value() == 168h);
  CHECK(parse_duration("0").value() == 0s);
  CHECK(parse_duration("0s").value() == 0s);
  for (const char* text : {"", "30", "s", "-1s", "+1s", "1.s", ".5s", "1 s", "30S", "1w", "9223372036854775807d",
                           "99999999999999999999s", "1s1s"})
    CHECK(parse_duration(text).error().kind == ErrorKind::kUsage);
}

TEST_CASE("bytes as base64url, both ways") {
  CHECK(encode_base64url(as_bytes("")) == "");
  CHECK(encode_base64url(as_bytes("f")) == "Zg");  // RFC 4648, section 10
  CHECK(encode_base64url(as_bytes("fo")) == "Zm8");
  CHECK(encode_base64url(as_bytes("foobar")) == "Zm9vYmFy");
  CHECK(encode_base64url(as_bytes("\xFB\xFF\xBF")) == "-_-_");
  for (const std::string text : {"", "f", "fo", "foo", "foob", "\xFF\xFE\xFD\x80"})
    CHECK(decode_base64url(encode_base64url(as_bytes(text))) == text);
  for (const char* text : {"Z", "Zg==", "Zh", "Zm9", "Z+==", "Zm9v\n", "Zm9vY"}) CHECK_FALSE(decode_base64url(text));
}
