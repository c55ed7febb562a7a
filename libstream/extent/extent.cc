#include "extent/extent.h"

#include <algorithm>

namespace hx {
namespace {

constexpr size_t kMaxLeafName = 255;  // NAME_MAX

bool is_bad_in_leaf(char c) { return c == '/' || static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

}  // namespace

const char* kind_name(Kind kind) {
  switch (kind) {
    case Kind::kData:
      return "data";
    case Kind::kZero:
      return "zero";
    case Kind::kAbsent:
      return "absent";
  }
  return "unknown";
}

bool is_leaf_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxLeafName && name != "." && name != ".." &&
         std::ranges::none_of(name, is_bad_in_leaf);
}

std::string to_leaf_name(std::string_view text) {
  std::string name(text.substr(0, kMaxLeafName));
  std::ranges::replace_if(name, is_bad_in_leaf, '_');
  return is_leaf_name(name) ? name : "disk";
}

}  // namespace hx
