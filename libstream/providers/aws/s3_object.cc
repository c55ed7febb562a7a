#include "providers/aws/s3_object.h"

#include <algorithm>
#include <mutex>

#include "checkpoint/stored_location.h"
#include "checkpoint/validator.h"
#include "image/raw_object.h"
#include "providers/aws/sigv4.h"

namespace hx {
namespace {

// A bucket's name that can be a label of a host's name (S3 User Guide, "General purpose bucket naming rules"). One with
// dots would not fit Amazon's certificates.
bool is_host_label(const std::string& name) {
  return name.size() >= 3 && name.size() <= 63 && name.front() != '-' && name.back() != '-' &&
         std::ranges::all_of(name, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; });
}

constexpr std::chrono::minutes kEarly{5}, kPause{1};

class S3Client : public HttpClient {
 public:
  S3Client(std::shared_ptr<HttpClient> inner, AwsConfig config, Clock& clock)
      : inner_(std::move(inner)), config_(std::move(config)), clock_(clock) {}

  Result<HttpResponse> perform(const HttpRequest& asked, BodySink& sink) override {
    HttpRequest request = asked;
    request.redirects = HttpRequest::Redirects::kRefuse;  // a signature is for one host
    for (Header& header : sign_v4(asked, credentials(), {config_.region, "s3"}, clock_.wall_now()))
      request.headers.push_back(std::move(header));
    HttpResponse response = HX_TRY(inner_->perform(request, sink));
    const std::string* region = response.header("x-amz-bucket-region");
    if (response.status / 100 > 2 && region && *region != config_.region)
      return usage_error("the bucket is in the region " + *region + ", not " + config_.region)
          .with_hint("AWS_REGION=" + *region);
    if (response.status == 401 || response.status == 403) {
      Error error = status_error(response);
      error.hint = "the credentials are those of " + config_.origin;
      return error;
    }
    return response;
  }

 private:
  // Those of a role are renewed before they end. If that fails, the old ones are used as long as they are good, and the
  // store says when they are not.
  AwsCredentials credentials() {
    std::lock_guard lock(mutex_);
    AwsCredentials& now = config_.credentials;
    if (!config_.renew || !now.expires || clock_.wall_now() < std::max(*now.expires - kEarly, ask_again_)) return now;
    ask_again_ = clock_.wall_now() + kPause;
    if (Result<AwsCredentials> fresh = config_.renew()) now = std::move(fresh).value();
    return now;
  }

  const std::shared_ptr<HttpClient> inner_;
  AwsConfig config_;  // its credentials under the mutex
  Clock& clock_;
  std::mutex mutex_;
  std::chrono::system_clock::time_point ask_again_;
};

}  // namespace

Result<S3Location> parse_s3_location(const std::string& text) {
  constexpr std::string_view kScheme = "s3://";
  const size_t slash = text.find('/', kScheme.size());
  if (!text.starts_with(kScheme) || slash == text.npos || slash == kScheme.size() || slash + 1 == text.size())
    return usage_error(text + ": is not s3://BUCKET/KEY");
  S3Location location{text.substr(kScheme.size(), slash - kScheme.size()), text.substr(slash + 1)};
  const bool is_name = std::ranges::all_of(
      location.bucket, [](unsigned char c) { return c < 128 && (isalnum(c) || c == '.' || c == '-' || c == '_'); });
  if (!is_name) return usage_error(text + ": '" + location.bucket + "' is no name of a bucket");
  return location;
}

Result<Url> s3_url(const S3Location& location, const AwsConfig& config) {
  const bool is_amazon = config.s3_endpoint.empty();
  const std::string suffix = config.region.starts_with("cn-") ? ".amazonaws.com.cn" : ".amazonaws.com";
  Url url = HX_TRY_IN("endpoint", parse_url(is_amazon ? "https://s3." + config.region + suffix : config.s3_endpoint));
  if (url.scheme != "https" && url.scheme != "http") return usage_error("endpoint: " + url.text() + ": is no https:");
  const bool as_host =
      config.s3_addressing == AwsConfig::Addressing::kVirtual ||
      (config.s3_addressing == AwsConfig::Addressing::kAuto && is_amazon && is_host_label(location.bucket));
  if (as_host) url.host = location.bucket + "." + url.host;
  if (!url.path.ends_with('/')) url.path += '/';
  if (!as_host) url.path += location.bucket + "/";
  url.path += percent_encode(location.key, "/");
  return url;
}

std::shared_ptr<HttpClient> s3_client(std::shared_ptr<HttpClient> inner, AwsConfig config, Clock& clock) {
  return std::make_shared<S3Client>(std::move(inner), std::move(config), clock);
}

Result<std::shared_ptr<RemoteFile>> open_s3_file(const std::string& text, NetAccess& net, Unproven unproven) {
  const S3Location location = HX_TRY(parse_s3_location(text));
  AwsConfig config = HX_TRY_IN(text, load_aws_config());
  Url url = HX_TRY_IN(text, s3_url(location, config));
  auto once = HX_TRY(net.once(config.ca_bundle));
  auto client = net.retrying(s3_client(std::move(once), std::move(config)));
  return RemoteFile::open(std::move(client), std::move(url), text, unproven);
}

Result<std::shared_ptr<DiskReader>> open_s3_disk(const std::string& text, NetAccess& net, Unproven unproven) {
  auto file = HX_TRY(open_s3_file(text, net, unproven));
  RawObjectOptions options;
  options.disk_name = disk_name_of(text);
  const FileValidator& has = file->validator();
  if (!has.proves_content()) options.consistency = "none";
  options.validator = server_validator(has.etag, has.last_modified, has.size).text();
  options.identity = location_identity(text).hex();
  return raw_disk_in(std::move(file), options);
}

}  // namespace hx
