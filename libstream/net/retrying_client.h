#pragma once
// Another attempt where it may succeed.

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string_view>

#include "base/clock.h"
#include "net/http_client.h"

namespace hx {

struct RetryPolicy {
  int retries = 4;  // after the first attempt, of one request
  // Before retry n a random time from 0 to min(most, first * 2^n): "full jitter", so that many clients that were
  // turned away together do not come back together.
  std::chrono::milliseconds first{500}, most{30'000};
  std::chrono::seconds longest_wait{300};  // a server that asks for more (Retry-After) is not waited for
};
struct RetryTools {
  Clock* clock = &system_clock();
  std::function<double()> random;                   // [0, 1); empty: a real one. Any thread.
  std::function<void(const std::string&)> explain;  // what went wrong and how long it waits; any thread
  std::stop_token stop = {};                        // asked to stop, nothing is waited for any more
};

// Tries again: connections that fail, stall or are cut short, and the statuses 408, 429, 500, 502, 503, 504 and other
// 5xx but 501 and 505; waits as Retry-After says. A request with a range goes on after the bytes that the sink has:
// its begin() is then called again, for an answer that starts there. Without a range, what has begun to arrive is not
// tried again.
std::shared_ptr<HttpClient> retrying_client(std::shared_ptr<HttpClient>, const RetryPolicy&, RetryTools = {});

// Retry-After (RFC 9110, 10.2.3): seconds, or a date; nullopt: neither. Never negative.
std::optional<std::chrono::seconds> parse_retry_after(std::string_view text, std::chrono::system_clock::time_point now);

}  // namespace hx
