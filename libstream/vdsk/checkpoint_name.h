#pragma once
#include <string_view>

#include "base/result.h"

namespace hx {

// A name that a new checkpoint may have: 1 to 255 of A-Z a-z 0-9 . _ + : -, a letter or "_" first. So it is no id
// (those are numbers), no option, and safe in a path and on a terminal. kUsage.
Status check_checkpoint_name(std::string_view);
// A foreign name for people: what is no printable ASCII as \xNN.
std::string escape_name(std::string_view);

}  // namespace hx
