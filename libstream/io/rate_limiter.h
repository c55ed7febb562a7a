#pragma once
#include <cstdint>
#include <mutex>

#include "base/clock.h"

namespace hx {

// At most so many bytes a second, over all who ask; 0: no limit. Any thread. The allowance of a quarter second may be
// saved up. The clock outlives it.
class RateLimiter {
 public:
  RateLimiter(uint64_t bytes_per_second, Clock& clock);
  void spend(uint64_t bytes);  // returns when the time that they and all before them take has passed

 private:
  const double rate_;
  Clock& clock_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point free_at_;
};

}  // namespace hx
