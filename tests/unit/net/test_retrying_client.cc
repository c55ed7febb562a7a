#include <catch2/catch.hpp>

#include "net/retrying_client.h"
#include "unit/net/scripted_client.h"

using namespace hx;
using namespace hx::test;
using namespace std::chrono_literals;

namespace {

// Time that passes only by sleeping.
class FakeClock : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override { return {}; }
  std::chrono::system_clock::time_point wall_now() const override {
    return std::chrono::system_clock::from_time_t(784111777) + slept;  // Sun, 06 Nov 1994 08:49:37 GMT
  }
  void sleep_for(std::chrono::nanoseconds time) override {
    waits.push_back(std::chrono::duration_cast<std::chrono::milliseconds>(time));
    slept += waits.back();
  }
  std::vector<std::chrono::milliseconds> waits;
  std::chrono::milliseconds slept{0};
};

struct Run {
  explicit Run(ScriptedClient::Script script, RetryPolicy policy = {})
      : server(std::make_shared<ScriptedClient>(std::move(script))),
        client(retrying_client(server, policy, {&clock, [] { return 0.5; }, [this](auto& text) { said += text; }})) {}
  Result<HttpResponse> get(std::optional<HttpRequest::Bytes> range = {}) {
    HttpRequest request;
    request.url = parse_url("http://host/disk").value();
    request.range = range;
    return client->perform(request, sink);
  }
  FakeClock clock;
  std::string said;
  TextSink sink{1000};
  std::shared_ptr<ScriptedClient> server;
  std::shared_ptr<HttpClient> client;
};

Answer status(int code, std::string retry_after = "") {
  Answer answer{code, {}, "", {}};
  if (!retry_after.empty()) answer.headers.push_back({"retry-after", std::move(retry_after)});
  return answer;
}

}  // namespace

TEST_CASE("what may pass is tried again, with a wait that doubles and is random") {
  Run run([](const HttpRequest&, size_t n) { return n < 3 ? status(n == 1 ? 429 : 503) : Answer{200, {}, "hi", {}}; });
  CHECK(run.get().value().status == 200);
  CHECK(run.sink.text == "hi");
  CHECK(run.clock.waits == std::vector<std::chrono::milliseconds>{250ms, 500ms, 1000ms});
  CHECK(run.said.find("503") != std::string::npos);
}

TEST_CASE("the last answer is the answer, when the attempts are used up") {
  Run run([](const HttpRequest&, size_t) { return status(500); }, {.retries = 2});
  CHECK(run.get().value().status == 500);
  CHECK(run.server->requests.size() == 3);
  Run lost_run([](const HttpRequest&, size_t) { return Answer{0, {}, "", lost()}; }, {.retries = 1});
  CHECK(failure(lost_run.get()).message == "connection lost (2 attempts)");
}

TEST_CASE("what would only fail again is not tried again") {
  for (const int code : {400, 401, 403, 404, 412, 416, 501, 505}) {
    Run run([&](const HttpRequest&, size_t) { return status(code); });
    CHECK(run.get().value().status == code);
    CHECK(run.server->requests.size() == 1);
  }
  Run run([](const HttpRequest&, size_t) { return Answer{0, {}, "", damaged("nonsense")}; });
  CHECK(failure(run.get()).message == "nonsense");
  CHECK(run.server->requests.size() == 1);
}

TEST_CASE("Retry-After is waited for, in seconds and as a date, but not for ever") {
  for (const char* text : {"7", "Sun, 06 Nov 1994 08:49:44 GMT"}) {
    Run run([&](const HttpRequest&, size_t n) { return n == 0 ? status(503, text) : Answer{200, {}, "", {}}; });
    CHECK(run.get().ok());
    CHECK(run.clock.waits == std::vector<std::chrono::milliseconds>{7000ms});
  }
  Run run([&](const HttpRequest&, size_t) { return status(503, "100000"); });
  CHECK(run.get().value().status == 503);
  CHECK(run.clock.waits.empty());
}

TEST_CASE("Retry-After: what it may look like") {
  const auto now = std::chrono::system_clock::from_time_t(784111777);
  CHECK(parse_retry_after("0", now) == 0s);
  CHECK(parse_retry_after("99999999999999999999", now) == std::chrono::seconds(1 << 30));
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now) == 0s);
  for (const char* text : {"", "-1", "soon", "1.5", "Sun, 06 Nov 1994"}) CHECK_FALSE(parse_retry_after(text, now));
}

TEST_CASE("a range that is cut goes on after what came, whether the cut is told or not") {
  const std::string content = "0123456789";
  for (const bool is_told : {true, false}) {
    Run run([&](const HttpRequest& request, size_t n) {
      Answer answer = serve(content, request);
      if (n < 2) answer.body.resize(3);
      if (n < 2 && is_told) answer.error = lost();
      return answer;
    });
    CHECK(run.get(HttpRequest::Bytes{1, 9}).value().status == 206);
    CHECK(run.sink.text == "123456789");
    REQUIRE(run.server->requests.size() == 3);
    CHECK(run.server->requests[2].range->first == 7);
    CHECK(run.server->requests[2].range->last == 9);
  }
}

TEST_CASE("a connection that is lost after the last byte has done its work") {
  Run run([&](const HttpRequest& request, size_t) {
    Answer answer = serve("0123", request);
    answer.error = lost();
    return answer;
  });
  CHECK(run.get(HttpRequest::Bytes{0, 3}).value().status == 206);
  CHECK(run.server->requests.size() == 1);
}

TEST_CASE("without a range, what has begun to arrive is not tried again") {
  Run run([&](const HttpRequest&, size_t) { return Answer{200, {}, "begin", lost()}; });
  CHECK(failure(run.get()).reason == "connection");
  CHECK(run.server->requests.size() == 1);
}

TEST_CASE("who is asked to stop waits for nothing any more") {
  const auto server = std::make_shared<ScriptedClient>([](const HttpRequest&, size_t) { return status(503, "120"); });
  FakeClock clock;
  std::stop_source stop;
  const auto client = retrying_client(
      server, {}, {&clock, [] { return 0.5; }, [&](const std::string&) { stop.request_stop(); }, stop.get_token()});
  HttpRequest request;
  request.url = parse_url("http://host/disk").value();
  TextSink sink(100);
  CHECK(failure(client->perform(request, sink)).reason == "cancelled");
  CHECK(server->requests.size() == 1);
  CHECK(clock.slept < 1s);
}
