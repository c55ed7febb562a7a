#include "checkpoint/stored_location.h"

#include <algorithm>
#include <array>

#include "base/redact.h"
#include "hash/sha256.h"

namespace hx {
namespace {

constexpr std::string_view kHidden = "***";
// Parts of the names of parameters that sign, expire or authorize, in lower case.
constexpr std::array<std::string_view, 14> kSigningParts = {"x-amz-", "x-goog-",    "signature", "token",      "secret",
                                                            "passw",  "credential", "apikey",    "api_key",    "auth",
                                                            "ticket", "expires",    "accesskey", "key-pair-id"};
// Azure's shared access signature (its parameters are two letters, so they mean that only where "sig" is).
constexpr std::array<std::string_view, 16> kSasNames = {"sig", "sv", "ss",    "srt",   "sp",  "se",  "st",  "spr",
                                                        "sip", "sr", "skoid", "sktid", "skt", "ske", "sks", "skv"};

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return out;
}

std::string hide_lease(std::string text) {
  constexpr std::string_view kMark = "/nfc/";
  const size_t mark = text.find("://") == std::string::npos ? std::string::npos : text.find(kMark);
  if (mark == std::string::npos) return text;
  const size_t begin = mark + kMark.size(), end = text.find('/', begin);
  // The last part is the file's name, no lease.
  if (end != std::string::npos) text.replace(begin, end - begin, kHidden);
  return text;
}

template <class Each>
void for_each_parameter(std::string_view query, Each each) {
  while (!query.empty()) {
    const size_t end = std::min(query.find('&'), query.size());
    const std::string_view pair = query.substr(0, end);
    each(pair, lower(pair.substr(0, pair.find('='))));
    query.remove_prefix(std::min(end + 1, query.size()));
  }
}

std::string unsigned_query(std::string_view query) {
  bool is_sas = false;
  for_each_parameter(query, [&](std::string_view, const std::string& name) { is_sas |= name == "sig"; });
  std::string kept;
  for_each_parameter(query, [&](std::string_view pair, const std::string& name) {
    if (std::ranges::any_of(kSigningParts, [&](std::string_view part) { return name.find(part) != name.npos; })) return;
    if (is_sas && std::ranges::count(kSasNames, name) > 0) return;
    kept.append(kept.empty() ? "" : "&").append(pair);
  });
  return kept;
}

}  // namespace

std::string stored_location(std::string_view location) { return hide_lease(redact_urls(location)); }

Digest location_identity(std::string_view location) {
  std::string text(location);
  const size_t mark = text.find("://");
  if (mark != std::string::npos) {
    text.resize(std::min(text.find('#'), text.size()));
    const size_t begin = mark + 3, authority_end = std::min(text.find_first_of("/?", begin), text.size());
    const size_t at = text.rfind('@', authority_end);
    if (at != std::string::npos && at >= begin && at < authority_end) text.erase(begin, at + 1 - begin);
    const size_t query = text.find('?');
    if (query != std::string::npos) {
      const std::string kept = unsigned_query(std::string_view(text).substr(query + 1));
      text = text.substr(0, query) + (kept.empty() ? "" : "?" + kept);
    }
    text = hide_lease(std::move(text));
  }
  return Sha256::of(as_bytes("hx-location:" + text));
}

}  // namespace hx
