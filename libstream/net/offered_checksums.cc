#include "net/offered_checksums.h"

#include <algorithm>
#include <array>
#include <optional>

#include "base/base64url.h"

namespace hx {
namespace {

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return out;
}

// Names in lower case without '-': "sha-256", "SHA256".
std::optional<ChecksumKind> kind_of(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, ChecksumKind>, 7> kKinds = {{{"sha512", ChecksumKind::kSha512},
                                                                                {"sha256", ChecksumKind::kSha256},
                                                                                {"sha1", ChecksumKind::kSha1},
                                                                                {"sha", ChecksumKind::kSha1},
                                                                                {"md5", ChecksumKind::kMd5},
                                                                                {"crc32c", ChecksumKind::kCrc32c},
                                                                                {"crc32", ChecksumKind::kCrc32}}};
  std::string plain = lower(name);
  std::erase(plain, '-');
  for (const auto& [known, kind] : kKinds)
    if (known == plain) return kind;
  return std::nullopt;
}

// RFC 4648, section 4, with its padding.
std::optional<std::string> decode_base64(std::string text) {
  while (text.ends_with('=')) text.pop_back();
  if (text.find_first_of("-_") != text.npos) return std::nullopt;
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return decode_base64url(text);
}

void add(std::vector<OfferedChecksum>& all, std::string_view name, std::string_view value, const std::string& header) {
  const auto kind = kind_of(name);
  const auto bytes = kind ? decode_base64(std::string(value)) : std::nullopt;
  if (bytes && bytes->size() == checksum_size(*kind)) all.push_back({*kind, *bytes, header});
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

// "sha-256=:BASE64:, md5=:BASE64:" (RFC 9530, structured fields), "crc32c=BASE64,md5=BASE64" (RFC 3230, Google).
void add_list(std::vector<OfferedChecksum>& all, std::string_view list, const std::string& header) {
  while (!list.empty()) {
    const size_t end = std::min(list.find(','), list.size());
    const std::string_view item = trim(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
    const size_t equals = item.find('=');
    if (equals == item.npos) continue;
    std::string_view value = item.substr(equals + 1);
    if (value.size() >= 2 && value.front() == ':' && value.back() == ':') value = value.substr(1, value.size() - 2);
    add(all, item.substr(0, equals), value, header);
  }
}

}  // namespace

std::vector<OfferedChecksum> offered_checksums(const HttpResponse& response) {
  constexpr std::string_view kAmazon = "x-amz-checksum-";
  const std::string* const type = response.header("x-amz-checksum-type");
  const bool is_composite = type && lower(*type) == "composite";
  std::vector<OfferedChecksum> all;
  for (const auto& [name, value] : response.headers) {
    if (name == "repr-digest" || name == "digest" || name == "x-goog-hash")
      add_list(all, value, name);
    else if (name == "content-md5" || name == "x-ms-blob-content-md5")
      add(all, "md5", value, name);
    else if (name.starts_with(kAmazon) && !is_composite)
      add(all, std::string_view(name).substr(kAmazon.size()), value, name);  // "BASE64-7" is no base64
  }
  std::ranges::stable_sort(all, {}, &OfferedChecksum::kind);
  return all;
}

}  // namespace hx
