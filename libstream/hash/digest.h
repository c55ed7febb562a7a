#pragma once
#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace hx {

// A SHA-256 value; alignment 1, so it may stand in on-disk structs.
struct Digest {
  std::array<std::byte, 32> bytes{};
  bool operator==(const Digest&) const = default;
  std::string hex() const;  // 64 lowercase digits
};
std::optional<Digest> parse_digest(std::string_view hex);  // exactly 64 lowercase digits

}  // namespace hx
