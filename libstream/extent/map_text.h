#pragma once
// Maps of disks in the forms that tools exchange.

#include <string>
#include <string_view>

#include "extent/extent_json.h"

namespace hx {

// kJson: as qemu-img. The others know of data only; what is zero in them cannot be told from what is absent.
enum class MapForm : uint8_t { kJson, kBmap, kDdrescue };

// size: of the disk, in bytes.
std::string format_map(MapForm, const ExtentList&, uint64_t size);

// Which form it is shows in the first character that is no blank: '<' bmap, '#' or a digit ddrescue, else JSON. Errors
// and limits as parse_map_json(), parse_bmap() and parse_ddrescue_map() have them.
Result<ExtentList> parse_map(std::string_view text, NotPresent);

}  // namespace hx
