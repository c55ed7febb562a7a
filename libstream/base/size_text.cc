#include "base/size_text.h"

#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "base/bytes.h"

namespace hx {
namespace {

// The factor of "", "B", "K", "KiB", "KB", …; 0: unknown.
uint64_t factor_of(std::string_view suffix) {
  if (suffix.empty() || suffix == "B") return 1;
  const char letter = static_cast<char>(suffix[0] & ~0x20);
  const std::string_view powers = "KMGTPE";
  const size_t power = powers.find(letter);
  if (power == std::string_view::npos) return 0;
  const std::string_view unit = suffix.substr(1);
  const uint64_t base = unit == "B" ? 1000 : unit.empty() || unit == "iB" ? 1024 : 0;
  uint64_t factor = base;
  for (size_t i = 0; i < power; ++i) factor *= base;
  return factor;
}

}  // namespace

Result<uint64_t> parse_size(std::string_view text) {
  const auto wrong = [&](const char* how) {
    return usage_error("'" + std::string(text) + "' is " + how)
        .with_hint("sizes are 512, 64K, 4MiB, 1.5G (1024) or 1MB (1000)");
  };
  uint64_t whole = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, whole);
  if (error == std::errc::result_out_of_range) return wrong("too large");
  if (error != std::errc()) return wrong("not a size");
  double fraction = 0;
  const char* suffix = rest;
  if (suffix < end && *suffix == '.') {
    double scale = 1;
    const char* digit = suffix + 1;
    for (; digit < end && *digit >= '0' && *digit <= '9'; ++digit) fraction += (*digit - '0') * (scale /= 10);
    if (digit == suffix + 1) return wrong("not a size");
    suffix = digit;
  }
  const uint64_t factor = factor_of(std::string_view(suffix, static_cast<size_t>(end - suffix)));
  uint64_t bytes = 0;
  if (factor == 0 || (fraction > 0 && factor == 1)) return wrong("not a size");
  if (__builtin_mul_overflow(whole, factor, &bytes) ||
      __builtin_add_overflow(bytes, static_cast<uint64_t>(std::llround(fraction * static_cast<double>(factor))),
                             &bytes))
    return wrong("too large");
  return bytes;
}

std::string format_size(uint64_t bytes) {
  if (bytes < kKiB) return std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
  static constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 999.5 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  char text[32];
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  std::snprintf(text, sizeof text, "%.*f %s", decimals, value, kUnits[unit]);
  return text;
}

}  // namespace hx
