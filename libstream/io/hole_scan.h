#pragma once
// Where a file has data and where it has holes (SEEK_DATA, SEEK_HOLE). Holes are a fact of allocation: here they read
// as zeros, as a raw file has no parent.

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace hx {

struct DataRange {
  uint64_t begin, end;
};
// The first range of data that ends after `from`, clipped to [from, size); nullopt: only holes remain. Where the system
// cannot tell (pipes are no input here; some devices, some file systems), all is data.
Result<std::optional<DataRange>> next_data(int fd, const std::string& name, uint64_t from, uint64_t size);

}  // namespace hx
