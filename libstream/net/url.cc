#include "net/url.h"

#include <algorithm>
#include <cctype>

#include "base/redact.h"

namespace hx {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](unsigned char c) { return c < 128 ? tolower(c) : c; });
  return out;
}

bool is_scheme(std::string_view text) {
  return !text.empty() && isalpha(static_cast<unsigned char>(text[0])) &&
         std::ranges::all_of(text, [](unsigned char c) { return isalnum(c) || c == '+' || c == '-' || c == '.'; });
}

int digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Status parse_authority(std::string_view text, Url& url) {
  if (const size_t at = text.rfind('@'); at != text.npos) {
    const std::string_view user = text.substr(0, at);
    const size_t colon = user.find(':');
    url.user = percent_decode(user.substr(0, colon));
    url.has_password = colon != user.npos;
    if (url.has_password) url.password = percent_decode(user.substr(colon + 1));
    text.remove_prefix(at + 1);
  }
  const size_t bracket = text.starts_with('[') ? text.find(']') : 0;
  if (bracket == text.npos) return usage_error("an IPv6 address without its ']'");
  const size_t colon = text.find(':', bracket);
  url.host = lower(text.substr(0, colon));
  if (colon != text.npos) url.port = text.substr(colon + 1);
  if (!std::ranges::all_of(url.port, [](char c) { return c >= '0' && c <= '9'; }) || url.port.size() > 5)
    return usage_error("a port that is no number");
  return {};
}

}  // namespace

std::string Url::text() const { return scheme + "://" + authority() + path + (has_query ? "?" + query : ""); }

Result<Url> parse_url(std::string_view text) {
  const std::string shown = redact_urls(text);
  const auto wrong = [&shown](const std::string& what) { return usage_error(shown + ": " + what); };
  if (!std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; }))
    return wrong("a URL has no spaces, control characters or letters beyond ASCII").with_hint("write them as %20");
  const size_t mark = text.find("://");
  if (mark == text.npos || !is_scheme(text.substr(0, mark))) return wrong("is no URL: scheme://host/path");
  Url url;
  url.scheme = lower(text.substr(0, mark));
  text.remove_prefix(mark + 3);
  text = text.substr(0, text.find('#'));
  const size_t path = std::min(text.find_first_of("/?"), text.size());
  if (auto status = parse_authority(text.substr(0, path), url); !status) return wrong(status.error().message);
  if (url.host.empty() && url.scheme != "file") return wrong("names no host");
  text.remove_prefix(path);
  const size_t query = text.find('?');
  url.path = text.substr(0, query);
  if (url.path.empty()) url.path = "/";
  url.has_query = query != text.npos;
  if (url.has_query) url.query = text.substr(query + 1);
  return url;
}

std::string percent_decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    const int high = text[i] == '%' && i + 2 < text.size() ? digit(text[i + 1]) : -1;
    const int low = high >= 0 ? digit(text[i + 2]) : -1;
    if (low < 0) {
      out += text[i];
    } else {
      out += static_cast<char>(high * 16 + low);
      i += 2;
    }
  }
  return out;
}

std::string percent_encode(std::string_view text, std::string_view keep) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 128 && isalnum(byte)) || std::string_view("-._~").find(c) != std::string_view::npos ||
        keep.find(c) != keep.npos)
      out += c;
    else
      (out += '%') += {kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return out;
}

std::vector<std::pair<std::string, std::string>> split_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> out;
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    const size_t equals = std::min(pair.find('='), pair.size());
    if (!pair.empty())
      out.emplace_back(percent_decode(pair.substr(0, equals)),
                       equals < pair.size() ? percent_decode(pair.substr(equals + 1)) : "");
    query.remove_prefix(std::min(end + 1, query.size()));
  }
  return out;
}

}  // namespace hx
