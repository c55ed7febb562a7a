#pragma once
// A checkpoint as JSON: hx-checkpoint(5), version "1.0" of the original, whose keys are all written, with their types,
// and whose files are read. What is ours stands in further keys of a file's entry, which it ignores.

#include <string>
#include <string_view>

#include "base/json_fwd.h"
#include "checkpoint/checkpoint.h"

namespace hx {

constexpr std::string_view kSidecarVersion = "1.0";
constexpr size_t kMaxSidecarText = 16 * kMiB;

// Two spaces of indentation, a newline at the end. Locations are stored_location()s, whatever the value holds. At most
// 65 536 ranges a file are kept: what is not in it is fetched again.
std::string format_sidecar(const Checkpoint&);
// kUnsupported: another version. kDamaged: no checkpoint, a value that cannot be, an entry of ours that is not as it
// was written. The message has no file name.
Result<Checkpoint> parse_sidecar(std::string_view text);

// One file's entry, as it stands in "files".
Json file_to_json(const FileCheckpoint&);

}  // namespace hx
