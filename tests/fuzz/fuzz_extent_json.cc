// Any bytes as a map in JSON: no crash; and what is accepted survives being written and read again.

#include <cstdlib>

#include "extent/extent_json.h"

using namespace hx;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  for (const NotPresent not_present : {NotPresent::kAbsent, NotPresent::kZero}) {
    const Result<ExtentList> list = parse_map_json(text, not_present);
    if (!list) continue;
    const Result<ExtentList> again = parse_map_json(format_map_json(list.value()), NotPresent::kAbsent);
    if (!again || again.value() != list.value()) std::abort();
  }
  return 0;
}
