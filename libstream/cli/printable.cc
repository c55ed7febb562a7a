#include "cli/printable.h"

#include <cstdint>

namespace hx {
namespace {

constexpr char kHex[] = "0123456789abcdef";
constexpr uint32_t kNone = ~uint32_t{0};  // a byte that is no UTF-8

struct Character {
  uint32_t code = kNone;
  std::string_view bytes;
};

// The first of a text that is not empty: RFC 3629, section 4.
Character first_of(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  const size_t length = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
  if (length == 0 || length > text.size()) return {kNone, text.substr(0, 1)};
  uint32_t code = length == 1 ? lead : lead & (0x7FU >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return {kNone, text.substr(0, 1)};
    code = code << 6 | (byte(i) & 0x3FU);
  }
  const bool is_overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  if (is_overlong || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return {kNone, text.substr(0, 1)};
  return {code, text.substr(0, length)};
}

// Unicode 15, section 23.1 (control codes), 23.2 (line and paragraph separator), UAX #9 (bidirectional marks).
bool is_harmful(uint32_t code) {
  if (code == kNone || code < 0x20 || (code >= 0x7F && code < 0xA0)) return true;
  return code == 0x061C || code == 0x200E || code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069);
}

template <class Escape>
std::string escaped(std::string_view text, std::string_view kept, const Escape& escape) {
  std::string clean;
  while (!text.empty()) {
    const Character character = first_of(text);
    if (is_harmful(character.code) && kept.find(text[0]) == kept.npos)
      escape(character, clean);
    else
      clean += character.bytes;
    text.remove_prefix(character.bytes.size());
  }
  return clean;
}

void as_bytes_in_hex(const Character& character, std::string& to) {
  // A control character of C1 is named by its number, as one of C0 is.
  const auto put = [&to](uint32_t value) { to += {'\\', 'x', kHex[value >> 4], kHex[value & 15U]}; };
  if (character.code < 0x100) return put(character.code);
  for (const char byte : character.bytes) put(static_cast<unsigned char>(byte));
}

// All that is harmful is below U+10000: four digits.
void as_json_escape(const Character& character, std::string& to) {
  const uint32_t code = character.code == kNone ? 0xFFFD : character.code;
  to += "\\u";
  for (int shift = 12; shift >= 0; shift -= 4) to += kHex[(code >> shift) & 15U];
}

}  // namespace

std::string printable(std::string_view text) { return escaped(text, "", as_bytes_in_hex); }
std::string printable_lines(std::string_view text) { return escaped(text, "\n\t", as_bytes_in_hex); }
std::string printable_json(std::string_view json) { return escaped(json, "\n\t\r", as_json_escape); }

}  // namespace hx
