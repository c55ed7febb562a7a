#pragma once
#include "base/json_fwd.h"
#include "transfer/snapshot_input.h"

namespace hx {

// What a file of ours is, without reading the body of an indexed snapshot: hx-info(1) lists the keys. A stream is read
// to its end, so that what is said of it was checked.
Result<Json> describe_input(SnapshotInput&);
// The same for people: a few lines.
std::string format_description(const Json&);

}  // namespace hx
