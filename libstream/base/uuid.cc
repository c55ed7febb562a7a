#include "base/uuid.h"

#include <sys/random.h>

#include <cstdint>
#include <cstdlib>

namespace hx {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

}  // namespace

std::string make_uuid() {
  uint8_t random[16];
  // 16 bytes: never short, never interrupted once the kernel's pool is up (getrandom(2)).
  if (getrandom(random, sizeof random, 0) != sizeof random) std::abort();
  random[6] = static_cast<uint8_t>((random[6] & 0x0F) | 0x40);
  random[8] = static_cast<uint8_t>((random[8] & 0x3F) | 0x80);
  std::string text;
  for (size_t i = 0; i < sizeof random; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[random[i] >> 4];
    text += kDigits[random[i] & 15];
  }
  return text;
}

bool is_uuid(std::string_view text) {
  if (text.size() != 36) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    const bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (is_dash ? text[i] != '-' : kDigits.find(text[i]) == kDigits.npos) return false;
  }
  return true;
}

}  // namespace hx
