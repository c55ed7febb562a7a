#include "io/rate_limiter.h"

#include <algorithm>

namespace hx {

using std::chrono::duration;
using std::chrono::duration_cast;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kSavedUp{250};

RateLimiter::RateLimiter(uint64_t bytes_per_second, Clock& clock)
    : rate_(static_cast<double>(bytes_per_second)), clock_(clock), free_at_(clock.now()) {}

void RateLimiter::spend(uint64_t bytes) {
  if (rate_ <= 0) return;
  steady_clock::duration wait;
  {
    std::lock_guard lock(mutex_);
    const auto now = clock_.now();
    free_at_ = std::max(free_at_, now - kSavedUp);
    wait = free_at_ - now;
    free_at_ += duration_cast<steady_clock::duration>(duration<double>(static_cast<double>(bytes) / rate_));
  }
  if (wait > steady_clock::duration::zero()) clock_.sleep_for(wait);
}

}  // namespace hx
