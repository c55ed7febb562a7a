// Any bytes as a map in whatever form: no crash; and the data of what is accepted survives in each form.

#include "extent/map_text.h"

#include "extent/extent_algebra.h"
#include "fuzz/target.h"
#include "hash/sha256.h"

using namespace hx;

// A bmap whose checksum is right: else nothing behind that check would ever be reached.
static std::string with_checksum(std::string text) {
  constexpr std::string_view kTag = "<BmapFileChecksum>";
  const size_t tag = text.find(kTag);
  if (tag == std::string::npos || text.size() - tag < kTag.size() + 64) return text;
  const size_t place = tag + kTag.size();
  text.replace(place, 64, std::string(64, '0'));
  return text.replace(place, 64, Sha256::of(as_bytes(text)).hex());
}

static void fuzz(std::string_view text) {
  const std::string checked = with_checksum(std::string(text));
  for (const std::string_view input : {text, std::string_view(checked)}) {
    const Result<ExtentList> list = parse_map(input, NotPresent::kAbsent);
    require(list.ok() == parse_map(input, NotPresent::kZero).ok(), "what is not there decides nothing");
    if (!list) continue;
    const RangeSet data = ranges_of(list.value(), Kind::kData);
    const uint64_t size = list.value().empty() ? 0 : list.value().entries().back().end();
    const auto lines = parse_map(format_map(MapForm::kDdrescue, list.value(), size), NotPresent::kAbsent);
    require(lines.ok() && ranges_of(lines.value(), Kind::kData) == data, "ddrescue has the same data");
    const auto blocks = parse_map(format_map(MapForm::kBmap, list.value(), size), NotPresent::kAbsent);
    require(blocks.ok() && subtract(data, ranges_of(blocks.value(), Kind::kData)).empty(), "bmap has all the data");
  }
}
