#pragma once
#include <optional>
#include <string>

#include "snapshot/mirn_index.h"

namespace hx {

// The header with this digest of its unsealed form: the bytes as they are, or with what the directory knows in its
// place, or with one byte changed. nullopt: more than that is lost, or it is the header of another snapshot.
std::optional<std::string> heal_header(std::string bytes, const Directory&);

}  // namespace hx
