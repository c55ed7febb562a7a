#include "providers/aws/sigv4.h"

#include <algorithm>
#include <cctype>
#include <ctime>

#include "hash/hmac_sha256.h"
#include "hash/sha256.h"

namespace hx {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(tolower(c)); });
  return text;
}

std::string basic_iso8601(std::chrono::system_clock::time_point time) {  // "20130524T000000Z"
  const std::time_t seconds = std::chrono::system_clock::to_time_t(time);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  char text[32];
  return std::string(text, std::strftime(text, sizeof text, "%Y%m%dT%H%M%SZ", &utc));
}

// As libcurl writes the Host header: without a port that the scheme has anyway.
std::string host_of(const Url& url) {
  const bool is_usual = (url.scheme == "https" && url.port == "443") || (url.scheme == "http" && url.port == "80");
  return is_usual ? url.host : url.authority();
}

std::string canonical_query(const Url& url) {
  std::vector<std::string> pairs;
  for (const auto& [name, value] : split_query(url.query))
    pairs.push_back(percent_encode(name) + "=" + percent_encode(value));
  std::ranges::sort(pairs);
  std::string text;
  for (const auto& pair : pairs) text += (text.empty() ? "" : "&") + pair;
  return text;
}

std::string_view text_of(const Digest& digest) { return as_text(digest.bytes); }

Digest signing_key(const AwsCredentials& credentials, const std::string& date, const SigningScope& scope) {
  Digest key = hmac_sha256(as_bytes("AWS4" + credentials.secret_key), as_bytes(date));
  for (const std::string& part : {scope.region, scope.service, std::string("aws4_request")})
    key = hmac_sha256(as_bytes(text_of(key)), as_bytes(part));
  return key;
}

}  // namespace

std::vector<Header> sign_v4(const HttpRequest& request, const AwsCredentials& credentials, const SigningScope& scope,
                            std::chrono::system_clock::time_point now) {
  const std::string time = basic_iso8601(now), date = time.substr(0, 8);
  const std::string payload = Sha256::of(as_bytes(request.body)).hex();
  std::vector<Header> added = {{"x-amz-date", time}, {"x-amz-content-sha256", payload}};
  if (!credentials.session_token.empty()) added.push_back({"x-amz-security-token", credentials.session_token});

  std::vector<Header> all = added;
  for (const Header& header : request.headers) all.push_back({lower(header.name), header.value});
  all.push_back({"host", host_of(request.url)});
  if (request.range)
    all.push_back(
        {"range", "bytes=" + std::to_string(request.range->first) + "-" + std::to_string(request.range->last)});
  std::ranges::sort(all, {}, &Header::name);
  std::string headers, names;
  for (const Header& header : all) {
    headers += header.name + ":" + header.value + "\n";
    names += (names.empty() ? "" : ";") + header.name;
  }

  const std::string canonical = std::string(method_name(request.method)) + "\n" + request.url.path + "\n" +
                                canonical_query(request.url) + "\n" + headers + "\n" + names + "\n" + payload;
  const std::string scope_text = date + "/" + scope.region + "/" + scope.service + "/aws4_request";
  const std::string to_sign =
      "AWS4-HMAC-SHA256\n" + time + "\n" + scope_text + "\n" + Sha256::of(as_bytes(canonical)).hex();
  const Digest key = signing_key(credentials, date, scope);
  added.push_back({"Authorization", "AWS4-HMAC-SHA256 Credential=" + credentials.access_key + "/" + scope_text +
                                        ",SignedHeaders=" + names +
                                        ",Signature=" + hmac_sha256(as_bytes(text_of(key)), as_bytes(to_sign)).hex()});
  return added;
}

}  // namespace hx
