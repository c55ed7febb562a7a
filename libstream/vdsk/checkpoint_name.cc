#include "vdsk/checkpoint_name.h"

#include <algorithm>

namespace hx {
namespace {

constexpr size_t kMaxLength = 255;

bool is_first(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_'; }
bool is_other(char c) {
  return is_first(c) || (c >= '0' && c <= '9') || std::string_view(".+:-").find(c) != std::string_view::npos;
}

}  // namespace

Status check_checkpoint_name(std::string_view name) {
  if (!name.empty() && name.size() <= kMaxLength && is_first(name[0]) && std::ranges::all_of(name, is_other)) return {};
  return usage_error("'" + escape_name(name.substr(0, kMaxLength)) + "': is no name for a checkpoint")
      .with_hint("a letter or _, then letters, digits and . _ + : -, 255 at most");
}

std::string escape_name(std::string_view name) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : name) {
    if (c >= ' ' && c <= '~' && c != '\\') {
      text += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      text += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
    }
  }
  return text;
}

}  // namespace hx
