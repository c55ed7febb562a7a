#include "hash/digest.h"

namespace hx {

std::string Digest::hex() const {
  static const char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(64);
  for (std::byte b : bytes) {
    text += kDigits[static_cast<unsigned>(b) >> 4];
    text += kDigits[static_cast<unsigned>(b) & 15];
  }
  return text;
}

std::optional<Digest> parse_digest(std::string_view hex) {
  if (hex.size() != 64) return std::nullopt;
  Digest digest;
  for (size_t i = 0; i < 64; ++i) {
    const char c = hex[i];
    const bool is_digit = c >= '0' && c <= '9', is_letter = c >= 'a' && c <= 'f';
    if (!is_digit && !is_letter) return std::nullopt;
    const auto nibble = static_cast<std::byte>(is_digit ? c - '0' : c - 'a' + 10);
    digest.bytes[i / 2] = digest.bytes[i / 2] << 4 | nibble;
  }
  return digest;
}

}  // namespace hx
