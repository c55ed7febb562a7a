#pragma once
// Arithmetic on numbers from outside: an overflow is an answer, not an accident.

#include <cstdint>
#include <optional>

namespace hx {

inline std::optional<uint64_t> checked_add(uint64_t a, uint64_t b) {
  uint64_t sum;
  return __builtin_add_overflow(a, b, &sum) ? std::nullopt : std::optional(sum);
}
inline std::optional<uint64_t> checked_mul(uint64_t a, uint64_t b) {
  uint64_t product;
  return __builtin_mul_overflow(a, b, &product) ? std::nullopt : std::optional(product);
}
// offset + length <= end, without overflow.
inline bool fits_within(uint64_t offset, uint64_t length, uint64_t end) {
  return offset <= end && length <= end - offset;
}
inline uint64_t divide_round_up(uint64_t a, uint64_t b) { return a / b + (a % b != 0); }
inline uint64_t align_down(uint64_t a, uint64_t power_of_two) { return a & ~(power_of_two - 1); }

}  // namespace hx
