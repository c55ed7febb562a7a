#pragma once
// Bytes as text that survives a shell, a URL and a mail: RFC 4648, section 5, without padding.

#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"

namespace hx {

std::string encode_base64url(ByteSpan);
// nullopt: another character, an impossible length, or bits set that encode_base64url() leaves zero.
std::optional<std::string> decode_base64url(std::string_view);

}  // namespace hx
