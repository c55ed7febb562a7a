#pragma once
// A checkpoint for people and for programs.

#include <string>

#include "base/json_fwd.h"
#include "checkpoint/checkpoint.h"

namespace hx {

enum class Detail : uint8_t { kBrief, kAll };
// "Progress: 71.6%\nFiles: 2\n  disk-0.vmdk: completed (5/5 bytes)\n…", as the original's documentation has it; kAll
// also says whose it is, and of each file its ranges, source and what proves its state.
std::string format_checkpoint(const Checkpoint&, Detail);
// As in the file, with "progress" (0 to 1) and "complete".
Json checkpoint_to_json(const Checkpoint&);

}  // namespace hx
