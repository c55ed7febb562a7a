#include "base/redact.h"

#include <algorithm>
#include <array>

namespace hx {
namespace {

// Of query parameters: where and what an object is, never who may read it.
constexpr std::array<std::string_view, 12> kShownParameters = {
    "dcpath", "dsname",     "versionid", "version-id", "generation",    "snapshot",
    "alt",    "partnumber", "comp",      "x-amz-date", "x-amz-expires", "x-amz-algorithm"};
constexpr std::array<std::string_view, 6> kSecretHeaderParts = {"authorization", "cookie", "token",
                                                                "secret",        "key",    "signature"};
constexpr std::string_view kHidden = "***";

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return out;
}

bool is_scheme_char(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
}

// "a=1&b=2", each value that is not known to be harmless hidden. A word without '=' may be a token itself.
std::string redact_query(std::string_view query) {
  std::string out;
  while (true) {
    const size_t end = std::min(query.find_first_of("&;"), query.size());
    const std::string_view pair = query.substr(0, end);
    const size_t equals = pair.find('=');
    const std::string_view name = pair.substr(0, equals);
    const bool is_shown = std::ranges::count(kShownParameters, lower(name)) > 0;
    if (is_shown)
      out += pair;
    else if (equals == std::string_view::npos)
      out += pair.empty() ? "" : kHidden;
    else
      out.append(name).append("=").append(kHidden);
    if (end == query.size()) return out;
    out += query[end];
    query.remove_prefix(end + 1);
  }
}

// What follows "scheme://", up to the end of the URL.
std::string redact_rest(std::string_view rest) {
  std::string out;
  const size_t authority_end = std::min(rest.find_first_of("/?#"), rest.size());
  const size_t at = rest.substr(0, authority_end).rfind('@');
  if (at != std::string_view::npos) {
    out.append(kHidden).append("@");
    rest.remove_prefix(at + 1);
  }
  const size_t fragment = rest.find('#');
  const size_t query = rest.substr(0, fragment).find('?');
  if (query == std::string_view::npos)
    out += rest.substr(0, fragment);
  else
    out.append(rest.substr(0, query + 1))
        .append(redact_query(rest.substr(query + 1, fragment == rest.npos ? rest.npos : fragment - query - 1)));
  if (fragment != std::string_view::npos) out.append("#").append(kHidden);
  return out;
}

}  // namespace

std::string redact_urls(std::string_view text) {
  std::string out;
  size_t done = 0;
  for (size_t mark; (mark = text.find("://", done)) != std::string_view::npos;) {
    const size_t begin = mark + 3;
    const bool has_scheme = mark > done && is_scheme_char(text[mark - 1]);
    // A URL ends at white space or a quote; a mark at its very end belongs to the sentence around it.
    size_t end = has_scheme ? std::min(text.find_first_of(" \t\r\n\"'<>", begin), text.size()) : begin;
    while (end > begin && std::string_view(":,.)").find(text[end - 1]) != std::string_view::npos) --end;
    out += text.substr(done, begin - done);
    out += redact_rest(text.substr(begin, end - begin));
    done = end;
  }
  return out += text.substr(done);
}

std::string redact_header(std::string_view name, std::string_view value) {
  const std::string key = lower(name);
  const bool is_secret =
      std::ranges::any_of(kSecretHeaderParts, [&](std::string_view part) { return key.find(part) != key.npos; });
  return is_secret ? std::string(kHidden) : redact_urls(value);
}

}  // namespace hx
