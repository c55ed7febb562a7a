#include "providers/aws/role_credentials.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>

#include "base/json.h"
#include "base/time_text.h"
#include "io/fd_io.h"
#include "net/curl_client.h"
#include "net/retrying_client.h"

namespace hx {
namespace {

constexpr size_t kMaxAnswer = 64 * kKiB, kMaxToken = 16 * kKiB;
constexpr const char* kContainerService = "http://169.254.170.2";
constexpr const char* kMetadataService = "http://169.254.169.254";
constexpr const char* kMetadataServiceV6 = "http://[fd00:ec2::254]";
constexpr const char* kTokenSeconds = "21600";  // the longest there is

bool is_true(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(tolower(c)); });
  return text == "true";
}

int number_or(const std::string& text, int otherwise) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_number = error == std::errc() && end == text.data() + text.size() && !text.empty();
  return is_number && value >= 1 && value <= 3600 ? value : otherwise;
}

// What may be asked for credentials in the clear.
bool is_near(const std::string& host) {
  static constexpr std::string_view kHosts[] = {"localhost", "169.254.170.2", "169.254.170.23", "[::1]",
                                                "[fd00:ec2::23]"};
  if (std::ranges::find(kHosts, host) != std::end(kHosts)) return true;
  return host.starts_with("127.") && host.find_first_not_of("0123456789.") == host.npos;
}

std::string trim(std::string text) {
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  return text.erase(0, text.find_first_not_of(" \t\r\n"));
}

Result<std::string> read_token(const std::string& path) {
  FdReader reader(HX_TRY(open_fd(path, O_RDONLY)), path);
  std::string text(kMaxToken, '\0');
  text.resize(HX_TRY(reader.read_full(std::as_writable_bytes(std::span(text)))));
  return trim(std::move(text));
}

// Messages of a service name it and not its answer.
Result<std::string> ask(HttpClient& client, const HttpRequest& request, int* status = nullptr) {
  TextSink body(kMaxAnswer);
  HttpResponse response = HX_TRY(client.perform(request, body));
  if (status) *status = response.status;
  if (response.status == 200) return std::move(body.text);
  if (response.status / 100 == 4)
    return Error{ErrorKind::kPermission, "HTTP status " + std::to_string(response.status), {}, "no-credentials"};
  return status_error(response);
}

Result<AwsCredentials> parse_credentials(const std::string& text) {
  const Json json = HX_TRY(parse_json(text));
  if (!json.is_object()) return damaged("an answer that is no object");
  const std::string code = HX_TRY(json_string_or(json, "Code", "Success"));
  if (code != "Success")
    return Error{ErrorKind::kPermission, "it gives no credentials: " + code.substr(0, 64), {}, "no-credentials"};
  AwsCredentials credentials;
  credentials.access_key = HX_TRY(json_string(json, "AccessKeyId"));
  credentials.secret_key = HX_TRY(json_string(json, "SecretAccessKey"));
  credentials.session_token = HX_TRY(json_string_or(json, "Token", ""));
  const std::string expires = HX_TRY(json_string_or(json, "Expiration", ""));
  if (!expires.empty()) credentials.expires = HX_TRY(parse_rfc3339(expires));
  return credentials;
}

Result<HttpRequest> container_request(const Environment& environment) {
  const std::string relative = environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
  const std::string full = environment("AWS_CONTAINER_CREDENTIALS_FULL_URI");
  HttpRequest request;
  request.redirects = HttpRequest::Redirects::kRefuse;  // elsewhere nobody would have checked
  request.url = HX_TRY(parse_url(!relative.empty() ? kContainerService + relative : full));
  if (!relative.empty() && request.url.host != "169.254.170.2")
    return usage_error("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI: is not a path");
  if (request.url.scheme != "https" && !(request.url.scheme == "http" && is_near(request.url.host)))
    return usage_error("AWS_CONTAINER_CREDENTIALS_FULL_URI: " + request.url.authority() +
                       ": credentials are asked for by https, or of this host and of the addresses of ECS and EKS");
  const std::string file = environment("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
  const std::string token = file.empty() ? environment("AWS_CONTAINER_AUTHORIZATION_TOKEN") : HX_TRY(read_token(file));
  if (token.find_first_of("\r\n") != token.npos)
    return usage_error("AWS_CONTAINER_AUTHORIZATION_TOKEN: has more than one line");
  if (!token.empty()) request.headers.push_back({"Authorization", token});
  return request;
}

Result<HttpRequest> metadata_request(const Environment& environment, const std::string& path) {
  std::string base = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT");
  if (base.empty())
    base = environment("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE") == "IPv6" ? kMetadataServiceV6 : kMetadataService;
  while (base.ends_with('/')) base.pop_back();
  HttpRequest request;
  request.redirects = HttpRequest::Redirects::kRefuse;
  request.url = HX_TRY_IN("AWS_EC2_METADATA_SERVICE_ENDPOINT", parse_url(base + path));
  return request;
}

Result<AwsCredentials> credentials_of_role(const Environment& environment, HttpClient& client, const std::string& role,
                                           const Header& token) {
  const std::string path = "/latest/meta-data/iam/security-credentials/" + percent_encode(role);
  HttpRequest request = HX_TRY(metadata_request(environment, path));
  request.headers.push_back(token);
  return parse_credentials(HX_TRY(ask(client, request)));
}

}  // namespace

Result<std::optional<AwsCredentials>> container_credentials(const Environment& environment, HttpClient& client) {
  if (environment("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI").empty() &&
      environment("AWS_CONTAINER_CREDENTIALS_FULL_URI").empty())
    return std::optional<AwsCredentials>();
  const HttpRequest request = HX_TRY(container_request(environment));
  const std::string where = "the container's credentials, of " + request.url.authority();
  return std::optional(HX_TRY_IN(where, parse_credentials(HX_TRY_IN(where, ask(client, request)))));
}

Result<std::optional<AwsCredentials>> instance_credentials(const Environment& environment, HttpClient& client) {
  if (is_true(environment("AWS_EC2_METADATA_DISABLED"))) return std::optional<AwsCredentials>();
  HttpRequest request = HX_TRY(metadata_request(environment, "/latest/api/token"));
  request.method = Method::kPut;
  request.headers.push_back({"X-aws-ec2-metadata-token-ttl-seconds", kTokenSeconds});
  Result<std::string> token = ask(client, request);
  if (!token) return std::optional<AwsCredentials>();  // not a machine of Amazon's
  const std::string where = "the metadata service, " + request.url.authority();
  const Header with_token{"X-aws-ec2-metadata-token", trim(*token)};
  HttpRequest roles = HX_TRY(metadata_request(environment, "/latest/meta-data/iam/security-credentials/"));
  roles.headers.push_back(with_token);
  int status = 0;
  Result<std::string> listed = ask(client, roles, &status);
  if (status == 404) return std::optional<AwsCredentials>();  // the machine has no role
  const std::string text = HX_TRY_IN(where, std::move(listed));
  const std::string role = trim(text.substr(0, text.find('\n')));
  if (role.empty()) return std::optional<AwsCredentials>();
  return std::optional(HX_TRY_IN(where, credentials_of_role(environment, client, role, with_token)));
}

Result<std::shared_ptr<HttpClient>> make_metadata_client(const Environment& environment) {
  CurlOptions options;
  options.connect_timeout = options.stall_timeout =
      std::chrono::seconds(number_or(environment("AWS_METADATA_SERVICE_TIMEOUT"), 1));
  options.proxies = CurlOptions::Proxies::kNone;
  RetryPolicy policy;
  policy.retries = number_or(environment("AWS_METADATA_SERVICE_NUM_ATTEMPTS"), 1) - 1;
  policy.longest_wait = std::chrono::seconds(5);
  return retrying_client(HX_TRY(make_curl_client(options)), policy);
}

}  // namespace hx
