#pragma once
#include "base/bytes.h"

namespace hx {

// Whether every byte is zero. Leaves at the first block that is not; any alignment and length.
bool is_zero(ByteSpan bytes);

}  // namespace hx
