#pragma once
// Zeros in data: nobody stores, sends or writes them.

#include <vector>

#include "extent/extent_list.h"

namespace hx {

// Shorter runs stay data: a record, an index entry or a system call would cost more than they save.
constexpr uint64_t kMinZeroRun = 64 * kKiB;
// Runs are sought on this grid of the disk: the page and block size nearly everywhere.
constexpr uint64_t kZeroGrid = 4 * kKiB;

// The bytes, which lie at `offset` of a disk, as entries of kind data and zero that tile them. Zero: runs of at least
// kMinZeroRun on the grid, or everything, however short.
std::vector<MapEntry> find_zeros(uint64_t offset, ByteSpan);
// A data extent as data and zero extents, added to `out`; data extents are slices of its buffer (no copy), and of its
// place. Any other kind is added as it is.
void split_zeros(Extent, std::vector<Extent>& out);

}  // namespace hx
