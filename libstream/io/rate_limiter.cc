#include "io/rate_limiter.h"

#include <algorithm>

namespace hx {

using std::chrono::duration;
using std::chrono::duration_cast;
using std::chrono::steady_clock;

constexpr std::chrono::milliseconds kSavedUp{250};
constexpr double kLongestSeconds = 1e9;  // what still fits the clock's 64 bits

RateLimiter::RateLimiter(uint64_t bytes_per_second, Clock& clock)
    : rate_(static_cast<double>(bytes_per_second)), clock_(clock), free_at_(clock.now()) {}

void RateLimiter::spend(uint64_t bytes) {
  if (rate_ <= 0) return;
  const double seconds = std::min(static_cast<double>(bytes) / rate_, kLongestSeconds);
  steady_clock::duration wait;
  {
    std::lock_guard lock(mutex_);
    const auto now = clock_.now();
    free_at_ = std::max(free_at_, now - kSavedUp) + duration_cast<steady_clock::duration>(duration<double>(seconds));
    wait = free_at_ - now;
  }
  if (wait > steady_clock::duration::zero()) clock_.sleep_for(wait);
}

}  // namespace hx
