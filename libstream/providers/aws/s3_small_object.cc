#include "providers/aws/s3_small_object.h"

#include "providers/aws/aws_config.h"
#include "providers/aws/s3_object.h"

namespace hx {
namespace {

constexpr size_t kMaxBytes = 16 * kMiB + 64 * kKiB;
constexpr int kConflictTries = 4;

bool says(const HttpResponse& response, std::string_view code) {
  return response.body.find("<Code>" + std::string(code) + "</Code>") != std::string::npos;
}

std::string bare(const std::string& etag) {
  const bool is_quoted = etag.size() >= 2 && etag.front() == '"' && etag.back() == '"';
  return is_quoted ? etag.substr(1, etag.size() - 2) : etag;
}

}  // namespace

Error no_conditional_writes(const std::string& name, const std::string& why) {
  return refused(name + ": the store has no conditional writes: " + why + "; nothing would keep two runs apart")
      .with_reason("no-conditional-writes")
      .with_hint("keep the checkpoint in a file, or, where no other run can have it, --checkpoint-unsafe");
}

Result<SmallObject> SmallObject::open(const std::string& location, NetAccess& net) {
  const S3Location place = HX_TRY(parse_s3_location(location));
  AwsConfig config = HX_TRY_IN(location, load_aws_config());
  Url url = HX_TRY_IN(location, s3_url(place, config));
  auto once = HX_TRY(net.once(config.ca_bundle));
  return SmallObject(net.retrying(s3_client(std::move(once), std::move(config))), std::move(url), location);
}

Url SmallObject::with_suffix(const std::string& suffix) const {
  Url url = url_;
  url.path += percent_encode(suffix, "/");
  return url;
}

Result<std::optional<SmallObject::Content>> SmallObject::get() const {
  HttpRequest request;
  request.url = url_;
  TextSink body(kMaxBytes);
  const HttpResponse response = HX_TRY_IN(name_, client_->perform(request, body));
  // A bucket that is not there is another matter: nothing can be kept in it.
  if (response.status == 404 && !says(response, "NoSuchBucket")) return std::optional<Content>();
  if (response.status != 200) return status_error(response).within(name_);
  const std::string* etag = response.header("etag");
  if (!etag || etag->empty()) return unsupported(name_ + ": the store gives no ETag");
  return std::optional(Content{std::move(body.text), *etag});
}

Result<HttpResponse> SmallObject::put_once(const std::string& bytes, const WriteCondition& condition) const {
  HttpRequest request;
  request.method = Method::kPut;
  request.url = url_;
  request.body = bytes;
  request.headers.push_back({"Content-Type", "application/octet-stream"});  // libcurl's own would not be signed
  if (condition.kind == WriteCondition::kNone) request.headers.push_back({"If-None-Match", "*"});
  if (condition.kind == WriteCondition::kThis)
    request.headers.push_back({"If-Match", bare_etags_ ? bare(condition.etag) : condition.etag});
  TextSink body(kMiB);
  return client_->perform(request, body);
}

Result<std::optional<std::string>> SmallObject::put(const std::string& bytes, const WriteCondition& condition) {
  HttpResponse response = HX_TRY_IN(name_, put_once(bytes, condition));
  // 409: somebody writes at this moment, and it is to be tried again (Amazon S3 API Reference, PutObject, If-Match).
  for (int i = 1; i < kConflictTries && response.status == 409; ++i)
    response = HX_TRY_IN(name_, put_once(bytes, condition));
  if (response.status == 412 && condition.kind == WriteCondition::kThis && !bare_etags_) {
    const auto now = HX_TRY(get());
    if (!now || now->etag != condition.etag) return std::optional<std::string>();
    bare_etags_ = true;
    response = HX_TRY_IN(name_, put_once(bytes, condition));
    bare_etags_ = response.status / 100 == 2;
  }
  if (response.status == 412) return std::optional<std::string>();
  if (response.status == 409)
    return Error{ErrorKind::kTemporary, name_ + ": others write to it all the time", {}, "busy"};
  if (response.status == 501 && condition.kind != WriteCondition::kNothing)
    return no_conditional_writes(name_, status_error(response).message);
  if (response.status / 100 != 2) return status_error(response).within(name_);
  const std::string* etag = response.header("etag");
  if (!etag || etag->empty()) return unsupported(name_ + ": the store gives no ETag");
  return std::optional(*etag);
}

Status SmallObject::remove() {
  HttpRequest request;
  request.method = Method::kDelete;
  request.url = url_;
  TextSink body(kMiB);
  const HttpResponse response = HX_TRY_IN(name_, client_->perform(request, body));
  if (response.status / 100 == 2 || response.status == 404) return {};
  return status_error(response).within(name_);
}

}  // namespace hx
