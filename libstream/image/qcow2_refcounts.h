#pragma once
// The reference counts that a qcow2 file has of its clusters.

#include <span>

#include "image/cluster_counts.h"
#include "image/qcow2_table.h"

namespace hx {

// One count of a refcount block, 1 to 64 bits wide; within a byte the first lies in the low bits.
uint64_t get_refcount(std::span<const std::byte> block, unsigned order, uint64_t index);
void set_refcount(std::span<std::byte> block, unsigned order, uint64_t index, uint64_t value);
// The largest that fits.
inline uint64_t max_refcount(unsigned order) { return order == 6 ? UINT64_MAX : (uint64_t{1} << (1u << order)) - 1; }

struct Qcow2Refcounts {
  std::vector<uint64_t> table;  // where the blocks lie; 0: none, all of its counts are 0
  ClusterCounts counts;         // above 2^32-1: that
};
// kDamaged: a block beyond the end, or where none can be.
Result<Qcow2Refcounts> read_qcow2_refcounts(const RandomReader&, const Qcow2Header&);

}  // namespace hx
