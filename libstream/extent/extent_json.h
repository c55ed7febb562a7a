#pragma once
// Maps as JSON, as other tools write and read them.

#include <string>
#include <string_view>

#include "extent/extent_list.h"

namespace hx {

// As `qemu-img map --output=json`: [{"start":0,"length":4096,"depth":0,"present":true,"zero":false,"data":true},…];
// absent is "present":false. A line an entry.
std::string format_map_json(const ExtentList&);

// What an entry means that this image does not have: a delta asks its parent, a disk without a parent reads zeros.
enum class NotPresent : uint8_t { kAbsent, kZero };

// Reads the above (qemu-img's own output, where "present" may be missing), or `nbdinfo --map --json`, whose entries
// have "offset" and are told by their description: data, hole, zero, "hole,zero" (base:allocation), dirty, clean (a
// bitmap: data, absent), local, backing depth N, unallocated (allocation depth: data, absent, absent). A hole that does
// not promise zeros is data: it must be read. kDamaged naming the entry; at most 64 MiB of text and 2^20 entries, and
// memory only for the entries.
Result<ExtentList> parse_map_json(std::string_view text, NotPresent);

}  // namespace hx
