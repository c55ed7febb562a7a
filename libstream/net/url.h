#pragma once
// URLs (RFC 3986), as far as sources need them.

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace hx {

// scheme://[user[:password]@]host[:port]path[?query]; still percent-encoded, but for user and password. A fragment is
// no business of a server and is dropped.
struct Url {
  std::string scheme;  // lower case
  std::string user, password;
  bool has_password = false;
  std::string host;  // lower case; an IPv6 address in its brackets
  std::string port;  // digits, or empty
  std::string path;  // begins with '/'
  std::string query;
  bool has_query = false;

  // Without user and password: those never stand in a URL that is sent or shown.
  std::string text() const;
  // "host" or "host:port", as the Host header has it.
  std::string authority() const { return port.empty() ? host : host + ":" + port; }
};

// kUsage, with nothing of a secret in its message: no scheme, no host (but for "file"), characters that may not stand
// in a URL (spaces, control characters, what is not ASCII).
Result<Url> parse_url(std::string_view text);

// "%20" → " "; a '%' without two digits stays.
std::string percent_decode(std::string_view text);
// All but unreserved characters (A-Z a-z 0-9 - . _ ~) and those of `keep`.
std::string percent_encode(std::string_view text, std::string_view keep = "");
// "a=1&b" → {a, 1}, {b, ""}; decoded.
std::vector<std::pair<std::string, std::string>> split_query(std::string_view query);

}  // namespace hx
