#pragma once
// What an export that begins makes of the checkpoint that it finds.

#include <functional>
#include <optional>
#include <string>

#include "checkpoint/checkpoint.h"
#include "checkpoint/checkpoint_store.h"

namespace hx {

enum class Restart : uint8_t { kNo, kYes };  // --restart: what was there is forgotten

struct Beginning {
  Checkpoint checkpoint;               // the old one's files, or `wanted` as it came
  std::optional<std::string> version;  // of what the store holds, for the first store()
  bool resumed = false;
};

// None there: `wanted`. One of the same export (difference_of): that one. Damaged, of another version, unreadable, or
// another export's: warn() gets a line that says which and where it is kept now, and `wanted` is taken. An error only
// where not even that is possible.
Result<Beginning> begin_checkpoint(CheckpointStore&, Checkpoint wanted, Restart,
                                   const std::function<void(const std::string&)>& warn);

}  // namespace hx
