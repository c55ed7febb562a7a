#include "base/size_text.h"

#include <catch2/catch.hpp>

#include "base/bytes.h"

using namespace hx;

TEST_CASE("sizes are read as people write them") {
  const auto [text, bytes] = GENERATE(table<std::string, uint64_t>({
      {"0", 0},
      {"512", 512},
      {"7B", 7},
      {"64K", 64 * kKiB},
      {"64k", 64 * kKiB},
      {"64KiB", 64 * kKiB},
      {"64KB", 64'000},
      {"4MiB", 4 * kMiB},
      {"1MB", 1'000'000},
      {"1G", kGiB},
      {"1.5G", kGiB + kGiB / 2},
      {"1.5KB", 1500},
      {"0.5K", 512},
      {"2T", 2 * kTiB},
      {"3P", 3 * 1024 * kTiB},
      {"15E", 15 * 1024 * 1024 * kTiB},
      {"18446744073709551615", UINT64_MAX},
  }));
  INFO(text);
  CHECK(parse_size(text).value() == bytes);
}

TEST_CASE("what is no size is refused with a hint") {
  const std::string text = GENERATE(as<std::string>(), "", "K", "-1", "+1", " 1", "1 ", "1 K", "1.5", "1.K", ".5K",
                                    "1X", "1Kb", "1KiBs", "1,5K", "0x10", "1e3", "1.5.5K", "1BB");
  INFO(text);
  Result<uint64_t> size = parse_size(text);
  REQUIRE_FALSE(size);
  CHECK(size.error().kind == ErrorKind::kUsage);
  CHECK(size.error().message == "'" + text + "' is not a size");
  CHECK_FALSE(size.error().hint.empty());
}

TEST_CASE("a size over 64 bits is too large") {
  const std::string text = GENERATE(as<std::string>(), "18446744073709551616", "16E", "16.5E",
                                    "15.99999999999999999999E", "99999999999999999999K", "20000000000G");
  INFO(text);
  Result<uint64_t> size = parse_size(text);
  REQUIRE_FALSE(size);
  CHECK(size.error().message == "'" + text + "' is too large");
}

TEST_CASE("sizes are shown with three digits") {
  const auto [bytes, text] = GENERATE(table<uint64_t, std::string>({
      {0, "0 bytes"},
      {1, "1 byte"},
      {1023, "1023 bytes"},
      {1024, "1.00 KiB"},
      {1536, "1.50 KiB"},
      {10 * kKiB, "10.0 KiB"},
      {100 * kKiB, "100 KiB"},
      {999 * kKiB, "999 KiB"},
      {1000 * kKiB, "0.98 MiB"},
      {kMiB - 1, "1.00 MiB"},
      {32 * kGiB, "32.0 GiB"},
      {UINT64_MAX, "16.0 EiB"},
  }));
  CHECK(format_size(bytes) == text);
}
