#pragma once
// Sizes as people write and read them.

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace hx {

// "4MiB", "64K", "64k", "1G" (1024), "1MB" (1000), "512", "1.5G"; no sign, no space. Overflow, garbage: kUsage.
Result<uint64_t> parse_size(std::string_view text);
// "1.2 GiB", "34 bytes": three significant digits, for people only.
std::string format_size(uint64_t bytes);

}  // namespace hx
