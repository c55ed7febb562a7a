#pragma once
// Requests to servers. One interface for every provider: the real one is curl_client.h; others wrap it (retries,
// signatures) or stand in for it (tests).

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "net/url.h"

namespace hx {

enum class Method : uint8_t { kGet, kHead, kPut, kPost, kDelete };
const char* method_name(Method);

struct Header {
  std::string name, value;
};

// What the server is asked for. A user and password in the URL are sent as the scheme does (Basic, SSH password).
struct HttpRequest {
  Method method = Method::kGet;
  Url url;
  std::vector<Header> headers;
  std::string body;  // of kPut, kPost
  struct Bytes {
    uint64_t first = 0, last = 0;  // both included, as in a Range header
  };
  std::optional<Bytes> range;
  // Followed within one scheme, at most five times; credentials never go to another host.
  enum class Redirects : uint8_t { kFollow, kRefuse } redirects = Redirects::kFollow;
  // Asked to stop, perform() ends at once, whatever the server does: kTemporary with the reason "cancelled".
  std::stop_token stop = {};
};

struct HttpResponse {
  int status = 0;               // 200, 206, 404, …
  std::vector<Header> headers;  // names in lower case
  std::string body;             // the beginning of it, if the status is no 2xx: what the server has to say
  std::string final_url;        // after redirects, if there were any; redacted
  const std::string* header(std::string_view lower_case_name) const;  // the last of that name, or null
};

// Where the body of a 2xx answer goes. Called in the client's thread, so it must not wait for anything. An error ends
// the transfer and is perform()'s answer.
class BodySink {
 public:
  virtual ~BodySink() = default;
  virtual Status begin(const HttpResponse&) { return {}; }  // status and headers are there
  virtual Status write(ByteSpan) = 0;
};

// Any thread; perform() waits until the answer is complete. Also for sftp://, which then looks like this: 200, or 206
// with a range, and the headers "content-length" and "last-modified".
class HttpClient {
 public:
  virtual ~HttpClient() = default;
  // An answer, whatever its status. Errors: kTemporary with reason "connection" where another attempt may succeed (no
  // connection, lost, stalled, cut short); kPermission: not the server that it should be, or login refused; kDamaged:
  // an answer that is none.
  virtual Result<HttpResponse> perform(const HttpRequest&, BodySink&) = 0;
};

// A small body as text; more than `limit` bytes are kDamaged.
class TextSink : public BodySink {
 public:
  explicit TextSink(size_t limit) : limit_(limit) {}
  Status write(ByteSpan) override;
  std::string text;

 private:
  size_t limit_;
};

// What a request that was asked to stop ends with.
Error cancelled();

// The error that a status means which the caller has no use for: 401, 403: kPermission; 404, 410: kUsage;
// 408, 429, 5xx: kTemporary; 412: kChanged; 501, 505: kUnsupported; else kSystem. The caller says of what
// (Error::within).
Error status_error(const HttpResponse&);

}  // namespace hx
