#include "net/http_client.h"

#include "base/redact.h"

namespace hx {
namespace {

// What a server says of an error, if it is short and text: "<Code>SlowDown</Code>" of the S3 family, or nothing.
std::string code_in(const std::string& body) {
  const size_t begin = body.find("<Code>"), end = body.find("</Code>");
  if (begin == body.npos || end == body.npos || end < begin + 6 || end - begin > 70) return "";
  return " (" + body.substr(begin + 6, end - begin - 6) + ")";
}

}  // namespace

const char* method_name(Method method) {
  switch (method) {
    case Method::kGet:
      return "GET";
    case Method::kHead:
      return "HEAD";
    case Method::kPut:
      return "PUT";
    case Method::kPost:
      return "POST";
    case Method::kDelete:
      return "DELETE";
  }
  return "?";
}

const std::string* HttpResponse::header(std::string_view name) const {
  for (auto it = headers.rbegin(); it != headers.rend(); ++it)
    if (it->name == name) return &it->value;
  return nullptr;
}

Status TextSink::write(ByteSpan bytes) {
  if (text.size() + bytes.size() > limit_) return damaged("the answer is longer than " + std::to_string(limit_));
  text += as_text(bytes);
  return {};
}

Error cancelled() { return Error{ErrorKind::kTemporary, "cancelled", {}, "cancelled"}; }

Error status_error(const HttpResponse& response) {
  const int status = response.status;
  const std::string via = response.final_url.empty() ? "" : ", after a redirect to " + response.final_url;
  const std::string text = "HTTP status " + std::to_string(status) + code_in(response.body) + via;
  const auto error = [&](ErrorKind kind, std::string_view more) {
    return Error{kind, text + std::string(more.empty() ? "" : ": ") + std::string(more), {}, {}};
  };
  if (status == 401)
    return error(ErrorKind::kPermission, "no or wrong credentials").with_hint("~/.netrc may have them");
  if (status == 403)
    return error(ErrorKind::kPermission, "forbidden").with_hint("a signed URL may have expired: get a new one");
  if (status == 407) return error(ErrorKind::kPermission, "the proxy wants other credentials");
  if (status == 404 || status == 410) return error(ErrorKind::kUsage, "there is nothing of this name");
  if (status == 412) return error(ErrorKind::kChanged, "changed since the reading began").with_reason("source-changed");
  if (status == 501 || status == 505) return error(ErrorKind::kUnsupported, "the server cannot do this");
  if (status != 408 && status != 429 && status < 500) return error(ErrorKind::kSystem, "");
  const std::string* after = response.header("retry-after");
  Error busy = error(ErrorKind::kTemporary, status >= 500 ? "the server failed" : "too busy").with_reason("busy");
  return after ? std::move(busy).with_hint("the server says: Retry-After: " + *after) : std::move(busy);
}

}  // namespace hx
