#pragma once
// Times and spans of time as people and other programs write them.

#include <chrono>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hx {

// RFC 3339, section 5.6: "2026-01-23T10:00:00Z", with up to nine digits of a fraction, with an offset. A year outside
// of 1678 to 2261 (Go writes 0001-01-01T00:00:00Z for a time that was never set) gives 1970. Anything else: kDamaged.
Result<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text);

// "30s", "0.5s", "250ms", "5m", "1h", "7d"; "0". kUsage: no unit, garbage, more than 1000 years.
Result<std::chrono::milliseconds> parse_duration(std::string_view text);

// "45 s", "12 min", "3 h", "8 days": for people only.
std::string format_age(std::chrono::seconds);

}  // namespace hx
