#include "extent/map_text.h"

#include "extent/bmap.h"
#include "extent/ddrescue_map.h"

namespace hx {

std::string format_map(MapForm form, const ExtentList& list, uint64_t size) {
  switch (form) {
    case MapForm::kBmap:
      return format_bmap(list, size);
    case MapForm::kDdrescue:
      return format_ddrescue_map(ranges_of(list, Kind::kData), Unfinished::kNonTried, size);
    case MapForm::kJson:
      break;
  }
  return format_map_json(list);
}

Result<ExtentList> parse_map(std::string_view text, NotPresent not_present) {
  const size_t begin = text.find_first_not_of(" \t\r\n");
  if (begin == std::string_view::npos) return damaged("map: is empty");
  const std::string_view rest = text.substr(begin);
  if (rest[0] == '<') return parse_bmap(text, not_present);
  // A number or a comment; anything else gets the message of the form that we write by default.
  if (rest[0] == '#' || (rest[0] >= '0' && rest[0] <= '9')) return parse_ddrescue_map(text, not_present);
  return parse_map_json(text, not_present);
}

}  // namespace hx
