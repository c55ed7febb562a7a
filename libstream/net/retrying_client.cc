#include "net/retrying_client.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <ctime>
#include <mutex>
#include <random>

namespace hx {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kNap{100};  // how late a sleeper may see that it was asked to stop

bool is_worth_another(int status) {
  return status == 408 || status == 429 || (status >= 500 && status != 501 && status != 505);
}

double real_random() {
  thread_local std::mt19937_64 engine{std::random_device()()};
  return std::uniform_real_distribution<double>(0, 1)(engine);
}

class CountingSink : public BodySink {
 public:
  explicit CountingSink(BodySink& to) : to_(to) {}
  Status begin(const HttpResponse& response) override {
    begun = response;
    return to_.begin(response);
  }
  Status write(ByteSpan bytes) override {
    HX_TRY(to_.write(bytes));
    taken += bytes.size();
    return {};
  }
  uint64_t taken = 0;
  HttpResponse begun;

 private:
  BodySink& to_;
};

class RetryingClient : public HttpClient {
 public:
  RetryingClient(std::shared_ptr<HttpClient> inner, const RetryPolicy& policy, RetryTools tools)
      : inner_(std::move(inner)), policy_(policy), tools_(std::move(tools)) {
    if (!tools_.random) tools_.random = real_random;
  }

  Result<HttpResponse> perform(const HttpRequest& asked, BodySink& sink) override {
    HttpRequest request = asked;
    CountingSink counting(sink);
    for (int attempt = 0;; ++attempt) {
      auto response = inner_->perform(request, counting);
      const std::optional<Error> why = reason_for_another(asked, counting, response);
      if (!why) return response;
      if (asked.range && counting.taken == length_of(asked)) return std::move(counting.begun);  // lost after the end
      const bool can_go_on = counting.taken == 0 || asked.range;
      const auto wait = delay(attempt, response);
      if (attempt >= policy_.retries || !can_go_on || !wait) {
        if (response.ok() && response->status / 100 != 2) return response;  // its status says it best
        return with_attempts(*why, attempt + 1);
      }
      if (tools_.explain)
        tools_.explain(request.url.host + ": " + why->message + ": trying again in " + std::to_string(wait->count()) +
                       " ms");
      if (!sleep(*wait, asked.stop)) return cancelled();
      if (asked.range) request.range->first = asked.range->first + counting.taken;
    }
  }

 private:
  // Whether it slept to the end.
  bool sleep(milliseconds wait, const std::stop_token& stop) const {
    const auto is_asked = [&] { return stop.stop_requested() || tools_.stop.stop_requested(); };
    if (!stop.stop_possible() && !tools_.stop.stop_possible()) return tools_.clock->sleep_for(wait), true;
    for (; wait.count() > 0 && !is_asked(); wait -= kNap) tools_.clock->sleep_for(std::min(wait, kNap));
    return !is_asked();
  }

  static uint64_t length_of(const HttpRequest& request) { return request.range->last - request.range->first + 1; }

  static std::optional<Error> reason_for_another(const HttpRequest& asked, const CountingSink& counting,
                                                 Result<HttpResponse>& response) {
    if (!response.ok()) {
      const Error& error = response.error();
      if (error.kind == ErrorKind::kTemporary && error.reason == "connection") return Error(error);
      return std::nullopt;
    }
    if (is_worth_another(response->status)) return status_error(*response);
    // A body without Content-Length ends where the connection does.
    if (response->status == 206 && asked.range && counting.taken < length_of(asked))
      return Error{ErrorKind::kTemporary, "the answer was cut short", {}, "connection"};
    return std::nullopt;
  }

  static Error with_attempts(Error error, int attempts) {
    if (attempts > 1) error.message += " (" + std::to_string(attempts) + " attempts)";
    return error;
  }

  // nullopt: longer than anybody would wait.
  std::optional<milliseconds> delay(int attempt, Result<HttpResponse>& response) const {
    const double most = std::min<double>(static_cast<double>(policy_.most.count()),
                                         static_cast<double>(policy_.first.count()) * std::exp2(attempt));
    auto wait = milliseconds(static_cast<int64_t>(tools_.random() * most));
    const std::string* after = response.ok() ? response->header("retry-after") : nullptr;
    if (const auto asked = after ? parse_retry_after(*after, tools_.clock->wall_now()) : std::nullopt) {
      if (*asked > policy_.longest_wait) return std::nullopt;
      wait = std::max<milliseconds>(wait, *asked);
    }
    return wait;
  }

  const std::shared_ptr<HttpClient> inner_;
  const RetryPolicy policy_;
  RetryTools tools_;
};

}  // namespace

std::optional<seconds> parse_retry_after(std::string_view text, std::chrono::system_clock::time_point now) {
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (end == text.data() + text.size() && !text.empty() && text[0] != '-')
    return error == std::errc() ? seconds(std::min<int64_t>(count, 1 << 30)) : seconds(1 << 30);
  std::tm date{};
  const std::string whole(text);
  const char* const rest = strptime(whole.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date);
  if (!rest || *rest != '\0') return std::nullopt;
  const auto then = std::chrono::system_clock::from_time_t(timegm(&date));
  return std::max(seconds(0), std::chrono::ceil<seconds>(then - now));
}

std::shared_ptr<HttpClient> retrying_client(std::shared_ptr<HttpClient> inner, const RetryPolicy& policy,
                                            RetryTools tools) {
  return std::make_shared<RetryingClient>(std::move(inner), policy, std::move(tools));
}

}  // namespace hx
