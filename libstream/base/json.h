#pragma once
// JSON from outside: parsed without exceptions, read with defaults and checks. The one home of nlohmann/json.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/json_fwd.h"
#include "base/result.h"

namespace hx {

// kDamaged with the byte position in the message. Depth is capped at 64: no stack is exhausted by "[[[[…"; the
// keys of one object at 10 000.
Result<Json> parse_json(std::string_view text);
// Never throws: invalid UTF-8 in strings (file names) is replaced by U+FFFD.
std::string dump_json(const Json& value, int indent = -1);

// A member of an object; absent or of another type: kDamaged naming the key.
Result<uint64_t> json_u64(const Json& object, std::string_view key);  // an integer from 0 to 2^63-1
Result<std::string> json_string(const Json& object, std::string_view key);
// As above; absent gives the default, another type is still an error.
Result<uint64_t> json_u64_or(const Json& object, std::string_view key, uint64_t otherwise);
Result<std::string> json_string_or(const Json& object, std::string_view key, std::string otherwise);
Result<bool> json_bool_or(const Json& object, std::string_view key, bool otherwise);

}  // namespace hx
