#pragma once
#include <string_view>

#include "base/result.h"
#include "extent/extent.h"

namespace hx {

// --range: "OFFSET+LENGTH" or "OFFSET-END" (END is one past the last byte), each as base/size_text reads it: "1M+64K",
// "0-512". kUsage: anything else, and a range that is empty or ends beyond 2^64.
Result<Range> parse_byte_range(std::string_view text);

}  // namespace hx
