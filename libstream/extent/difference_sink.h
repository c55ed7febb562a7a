#pragma once
#include "extent/disk_reader.h"
#include "extent/file_sink.h"

namespace hx {

// Hands on to `to` only what differs from what the target has: `content`, the same target, read. Compared byte by byte
// in blocks of kDifferenceGrid, so that a target whose writes are dear (flash, a thin volume, a network) gets few. Of
// zeros: what is a hole, or reads as zeros, stays as it is. Order as that of `to`.
constexpr uint64_t kDifferenceGrid = 64 * kKiB;
std::unique_ptr<FileSink> difference_sink(std::unique_ptr<FileSink> to, std::shared_ptr<const DiskReader> content);

}  // namespace hx
