#pragma once
// Block maps of bmaptool, version 2.0: XML that lists the blocks which must be copied, with a checksum of itself.
// Source: bmaptools/BmapCreate.py, BmapCopy.py. Pure functions.

#include <string>
#include <string_view>

#include "extent/extent_json.h"

namespace hx {

// The blocks of 4 KiB that have data, of a disk of size bytes; without checksums of their content, which nobody has
// read (as `bmaptool create --no-checksum`).
std::string format_bmap(const ExtentList&, uint64_t size);

// Mapped blocks are data, the last one cut at the image's size; the others say nothing of their content: as NotPresent
// says. kDamaged: no such XML, its checksum or its counts are wrong. kUnsupported: another version, another checksum
// than SHA-256. Checksums of the blocks are not looked at. At most 16 MiB, for which the XML's tree takes up to 256
// MiB.
Result<ExtentList> parse_bmap(std::string_view text, NotPresent);

}  // namespace hx
