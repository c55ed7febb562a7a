#include "base/json.h"

#include <array>
#include <limits>

namespace hx {
namespace {

constexpr int kMaxDepth = 64;

// An object's keys are kept in order, and each new one is compared with all before it.
constexpr int kMaxKeys = 10'000;

// The parser recurses into what it builds, and takes the square of an object's keys, so both are looked at first:
// brackets and colons outside strings.
const char* too_much(std::string_view text) {
  int depth = 0;
  std::array<int, kMaxDepth + 1> keys{};
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxDepth) return "JSON nested too deeply";
      keys[static_cast<size_t>(depth)] = 0;
    } else if (c == ':') {
      if (depth > 0 && ++keys[static_cast<size_t>(depth)] > kMaxKeys) return "JSON with too many keys in one object";
    } else if ((c == ']' || c == '}') && depth > 0) {
      --depth;
    }
  }
  return nullptr;
}

Error wrong(std::string_view key, const char* what) { return damaged("\"" + std::string(key) + "\" " + what); }

const Json* member(const Json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(std::string(key));
  return found == object.end() ? nullptr : &*found;
}

Result<uint64_t> as_u64(const Json& value, std::string_view key) {
  if (value.is_number_unsigned() && value.get<uint64_t>() <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
    return value.get<uint64_t>();
  if (value.is_number_integer() && !value.is_number_unsigned()) return wrong(key, "is negative");
  return wrong(key, "is not a whole number that fits 63 bits");
}

Result<std::string> as_string(const Json& value, std::string_view key) {
  if (!value.is_string()) return wrong(key, "is not a string");
  return value.get<std::string>();
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
  if (const char* why = too_much(text)) return damaged(why);
  try {
    return Json::parse(text.begin(), text.end());
  } catch (const nlohmann::json::parse_error& error) {
    return damaged("malformed JSON at byte " + std::to_string(error.byte));
  } catch (const nlohmann::json::exception&) {
    return damaged("malformed JSON");
  }
}

std::string dump_json(const Json& value, int indent) {
  return value.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Result<uint64_t> json_u64(const Json& object, std::string_view key) {
  const Json* value = member(object, key);
  return value ? as_u64(*value, key) : Result<uint64_t>(wrong(key, "is missing"));
}
Result<std::string> json_string(const Json& object, std::string_view key) {
  const Json* value = member(object, key);
  return value ? as_string(*value, key) : Result<std::string>(wrong(key, "is missing"));
}
Result<uint64_t> json_u64_or(const Json& object, std::string_view key, uint64_t otherwise) {
  const Json* value = member(object, key);
  return value ? as_u64(*value, key) : Result<uint64_t>(otherwise);
}
Result<std::string> json_string_or(const Json& object, std::string_view key, std::string otherwise) {
  const Json* value = member(object, key);
  return value ? as_string(*value, key) : Result<std::string>(std::move(otherwise));
}
Result<bool> json_bool_or(const Json& object, std::string_view key, bool otherwise) {
  const Json* value = member(object, key);
  if (!value) return otherwise;
  if (!value->is_boolean()) return wrong(key, "is not true or false");
  return value->get<bool>();
}

}  // namespace hx
