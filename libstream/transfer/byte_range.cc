#include "transfer/byte_range.h"

#include "base/checked_math.h"
#include "base/size_text.h"

namespace hx {

Result<Range> parse_byte_range(std::string_view text) {
  const std::string quoted = "'" + std::string(text) + "'";
  size_t sign = text.find_first_of("+-");
  if (sign == std::string_view::npos) return usage_error(quoted + " is neither OFFSET+LENGTH nor OFFSET-END");
  uint64_t first = HX_TRY_IN(quoted, parse_size(text.substr(0, sign)));
  uint64_t second = HX_TRY_IN(quoted, parse_size(text.substr(sign + 1)));
  if (text[sign] == '-') {
    if (second < first) return usage_error(quoted + " ends before it begins");
    second -= first;
  }
  if (second == 0) return usage_error(quoted + " is empty");
  if (!checked_add(first, second)) return usage_error(quoted + " ends beyond 2^64");
  return Range{first, second};
}

}  // namespace hx
