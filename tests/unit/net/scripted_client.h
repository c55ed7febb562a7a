#pragma once
// A server of a test's own, without a network.

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "net/http_client.h"

namespace hx::test {

struct Answer {
  int status = 206;
  std::vector<Header> headers;
  std::string body;
  std::optional<Error> error;  // after the body
};

// Each request is answered by `answer`, and kept.
class ScriptedClient : public HttpClient {
 public:
  using Script = std::function<Answer(const HttpRequest&, size_t number)>;
  explicit ScriptedClient(Script script) : script_(std::move(script)) {}

  Result<HttpResponse> perform(const HttpRequest& request, BodySink& sink) override {
    size_t number;
    {
      std::lock_guard lock(mutex_);
      number = requests.size();
      requests.push_back(request);
    }
    const Answer answer = script_(request, number);
    HttpResponse response;
    response.status = answer.status;
    response.headers = answer.headers;
    if (answer.error && answer.status == 0) return Error(*answer.error);
    if (answer.status / 100 == 2) {
      HX_TRY(sink.begin(response));
      if (!answer.body.empty()) HX_TRY(sink.write(as_bytes(answer.body)));
    } else {
      response.body = answer.body;
    }
    if (answer.error) return Error(*answer.error);
    return response;
  }

  std::vector<HttpRequest> requests;

 private:
  std::mutex mutex_;
  const Script script_;
};

inline Error lost() { return Error{ErrorKind::kTemporary, "connection lost", {}, "connection"}; }

// A server that does all right: content, with an ETag.
inline Answer serve(const std::string& content, const HttpRequest& request, const std::string& etag = "\"v1\"") {
  Answer answer;
  answer.headers.push_back({"etag", etag});
  for (const Header& header : request.headers)
    if (header.name == "If-Match" && header.value != etag) return {412, {}, "", {}};
  if (!request.range) return {200, answer.headers, content, {}};
  const uint64_t first = request.range->first, last = std::min<uint64_t>(request.range->last, content.size() - 1);
  if (content.empty() || first >= content.size())
    return {416, {{"content-range", "bytes */" + std::to_string(content.size())}}, "", {}};
  answer.headers.push_back({"content-range", "bytes " + std::to_string(first) + "-" + std::to_string(last) + "/" +
                                                 std::to_string(content.size())});
  answer.headers.push_back({"content-length", std::to_string(last - first + 1)});
  answer.body = content.substr(first, last - first + 1);
  return answer;
}

template <class T>
Error failure(Result<T> result) {
  REQUIRE(!result.ok());
  return std::move(result).error();
}

}  // namespace hx::test
