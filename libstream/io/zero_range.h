#pragma once
#include <cstdint>
#include <string>

#include "base/result.h"

namespace hx {

// Makes [offset, offset + length) of a file or block device read as zeros, whatever it holds: without writing where the
// system can (BLKZEROOUT; punch a hole, zero a range), else by writing zeros.
Status zero_range(int fd, const std::string& name, uint64_t offset, uint64_t length);

}  // namespace hx
