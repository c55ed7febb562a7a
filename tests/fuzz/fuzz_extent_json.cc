// Any bytes as a map in JSON: no crash; and what is accepted survives being written and read again.

#include "extent/extent_json.h"
#include "fuzz/target.h"

using namespace hx;

static void fuzz(std::string_view text) {
  for (const NotPresent not_present : {NotPresent::kAbsent, NotPresent::kZero}) {
    const Result<ExtentList> list = parse_map_json(text, not_present);
    if (!list) continue;
    const Result<ExtentList> again = parse_map_json(format_map_json(list.value()), NotPresent::kAbsent);
    require(again.ok() && again.value() == list.value(), "the same comes out");
  }
}
