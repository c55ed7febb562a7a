#pragma once
#include <string>

#include "base/result.h"
#include "io/unique_fd.h"

namespace hx {

// A file without a name in directory, which vanishes with the process: for what must be complete before it is sent.
// kRefused where the directory lies in memory, which a disk would fill.
Result<UniqueFd> open_spool_file(const std::string& directory);

}  // namespace hx
