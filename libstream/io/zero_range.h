#pragma once
#include <cstdint>
#include <string>

#include "base/result.h"

namespace hx {

// Makes [offset, offset + length) of a file or block device read as zeros, whatever it holds: without writing where the
// system can (punch a hole, BLKZEROOUT, zero a range), else by writing zeros. The range lies inside the file: whether
// it would grow depends on the file system. Any thread.
Status zero_range(int fd, const std::string& name, uint64_t offset, uint64_t length);

}  // namespace hx
