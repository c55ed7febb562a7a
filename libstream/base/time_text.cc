#include "base/time_text.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <ctime>

namespace hx {
namespace {

// A number of exactly so many digits at text[at]; -1: something else stands there.
int digits(std::string_view text, size_t at, size_t count) {
  if (at + count > text.size()) return -1;
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

int days_of(int year, int month) {
  static constexpr std::array kDays = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return kDays[static_cast<size_t>(month - 1)] + (month == 2 && leap ? 1 : 0);
}

struct Unit {
  std::string_view name;
  int64_t milliseconds;
};
constexpr std::array kUnits = {Unit{"ms", 1},       Unit{"s", 1000},      Unit{"m", 60'000},
                               Unit{"min", 60'000}, Unit{"h", 3'600'000}, Unit{"d", 86'400'000}};
// What a count of nanoseconds in 64 bits can say, in whole years.
constexpr int64_t kYear1678 = -9'214'560'000, kYear2262 = 9'214'646'400;
constexpr int64_t kMaxDuration = int64_t{366} * 1000 * 86'400'000;

}  // namespace

Result<std::chrono::system_clock::time_point> parse_rfc3339(std::string_view text) {
  const Error wrong = damaged("'" + std::string(text.substr(0, 64)) + "' is not a time (RFC 3339)");
  const int year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
  const int hour = digits(text, 11, 2), minute = digits(text, 14, 2), second = digits(text, 17, 2);
  if (year < 0 || month < 1 || month > 12 || day < 1 || day > days_of(year, month) || hour < 0 || hour > 23 ||
      minute < 0 || minute > 59 || second < 0 || second > 59 || text[4] != '-' || text[7] != '-' ||
      (text[10] | 0x20) != 't' || text[13] != ':' || text[16] != ':')
    return wrong;
  size_t at = 19;
  int64_t nanoseconds = 0;
  if (at < text.size() && text[at] == '.') {
    const size_t begin = ++at;
    for (int64_t scale = 100'000'000; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10)
      nanoseconds += (text[at] - '0') * scale;
    if (at == begin || at - begin > 9) return wrong;
  }
  int64_t offset_seconds = 0;
  if (at == text.size()) return wrong;
  if ((text[at] | 0x20) == 'z') {
    ++at;
  } else {
    const int hours = digits(text, at + 1, 2), minutes = digits(text, at + 4, 2);
    if ((text[at] != '+' && text[at] != '-') || hours < 0 || hours > 23 || minutes < 0 || minutes > 59 ||
        text[at + 3] != ':')
      return wrong;
    offset_seconds = (text[at] == '-' ? -60 : 60) * (hours * 60 + minutes);
    at += 6;
  }
  if (at != text.size()) return wrong;
  std::tm utc{};
  utc.tm_year = year - 1900;
  utc.tm_mon = month - 1;
  utc.tm_mday = day;
  utc.tm_hour = hour;
  utc.tm_min = minute;
  utc.tm_sec = second;
  const int64_t seconds = timegm(&utc) - offset_seconds;
  if (seconds < kYear1678 || seconds >= kYear2262) return std::chrono::system_clock::time_point();
  return std::chrono::system_clock::time_point(std::chrono::seconds(seconds) + std::chrono::nanoseconds(nanoseconds));
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  const Error wrong = usage_error("'" + std::string(text) + "' is not a span of time")
                          .with_hint("spans of time are 30s, 0.5s, 250ms, 5m, 1h, 7d");
  if (text == "0") return std::chrono::milliseconds(0);
  int64_t whole = 0;
  const char* const end = text.data() + text.size();
  auto [at, failure] = std::from_chars(text.data(), end, whole);
  if (failure != std::errc() || text[0] == '-') return wrong;
  int64_t thousandths = 0;
  if (at < end && *at == '.') {
    const char* const begin = ++at;
    for (int64_t scale = 100; at < end && *at >= '0' && *at <= '9'; ++at, scale /= 10)
      thousandths += (*at - '0') * scale;
    if (at == begin) return wrong;
  }
  const std::string_view name(at, static_cast<size_t>(end - at));
  for (const Unit& unit : kUnits) {
    if (unit.name != name) continue;
    if (whole > kMaxDuration / unit.milliseconds) return wrong;
    return std::chrono::milliseconds(whole * unit.milliseconds + thousandths * unit.milliseconds / 1000);
  }
  return wrong;
}

std::string format_age(std::chrono::seconds age) {
  const int64_t seconds = age.count();
  if (seconds < 120) return std::to_string(seconds) + " s";
  if (seconds < 2 * 3600) return std::to_string(seconds / 60) + " min";
  if (seconds < 48 * 3600) return std::to_string(seconds / 3600) + " h";
  return std::to_string(seconds / 86400) + " days";
}

}  // namespace hx
