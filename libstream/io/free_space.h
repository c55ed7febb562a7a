#pragma once
#include <cstdint>
#include <string>

#include "base/result.h"

namespace hx {

// Bytes that this user may still write on the file system of fd.
Result<uint64_t> free_space(int fd, const std::string& name);

}  // namespace hx
