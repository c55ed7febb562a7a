#pragma once
// The name Json, for headers that only hand it on: the library's own header, which base/json.h includes, costs each
// file that reads it a second or two of compiling.

#include <nlohmann/json_fwd.hpp>

namespace hx {

using Json = nlohmann::ordered_json;  // keys stay in the order in which we write them

}  // namespace hx
