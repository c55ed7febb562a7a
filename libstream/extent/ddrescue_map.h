#pragma once
// GNU ddrescue's mapfiles: its manual (info ddrescue), "Mapfile structure". Sizes and offsets are bytes. Pure
// functions.

#include <string>
#include <string_view>

#include "extent/extent_algebra.h"
#include "extent/extent_json.h"

namespace hx {

// What is not finished ('+'): never tried, or tried and unreadable.
enum class Unfinished : char { kNonTried = '?', kBad = '-' };

// A mapfile of [0, size): these bytes are finished. `ddrescue --domain-mapfile` reads only what is; a plain run with
// the mapfile only what is not.
std::string format_ddrescue_map(const RangeSet& finished, Unfinished rest, uint64_t size);

// The same where some is known to be bad ('-'), and the rest was never tried ('?').
std::string format_ddrescue_map(const RangeSet& finished, const RangeSet& bad, uint64_t size);

// Finished ('+') is data. Everything else ('?' '*' '/' '-') is a part that nobody has read, whatever bytes stand there
// now: as NotPresent says. kDamaged naming the line, also where blocks are not contiguous, as ddrescue demands.
// At most 64 MiB and 2^20 blocks.
Result<ExtentList> parse_ddrescue_map(std::string_view text, NotPresent);

}  // namespace hx
