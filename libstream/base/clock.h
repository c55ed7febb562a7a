#pragma once
// Time, passed in, so that no test sleeps.

#include <chrono>
#include <string>

namespace hx {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual std::chrono::steady_clock::time_point now() const = 0;
  virtual std::chrono::system_clock::time_point wall_now() const = 0;
  virtual void sleep_for(std::chrono::nanoseconds) = 0;
};
Clock& system_clock();  // the real one; any thread

// RFC 3339 in UTC with milliseconds: "2026-01-31T23:59:59.123Z".
std::string format_rfc3339(std::chrono::system_clock::time_point);

}  // namespace hx
