#pragma once
// Entries of L1 and L2 tables, decoded, and tables read.

#include <span>
#include <vector>

#include "image/qcow2_header.h"

namespace hx {

// What one L2 entry says of its cluster. A preallocated zero cluster has a host offset too. With subclusters, an entry
// is kData if it has a cluster of its own at all (or any of its 32 subclusters is zero): the two masks then tell each.
enum class ClusterKind : uint8_t { kUnallocated, kZero, kData, kCompressed };
struct Qcow2Cluster {
  ClusterKind kind = ClusterKind::kUnallocated;
  bool has_host = false, copied = false;
  uint64_t host = 0;                 // where it lies in the file, or in the data file
  uint64_t length = 0;               // kCompressed: of what is stored, an upper bound
  uint32_t allocated = 0, zero = 0;  // subclusters; 0 without them
  const char* wrong = nullptr;       // why the entry is none
};
// words: the entry's one or two, as the table has them. guest: the cluster's offset in the disk, which an external data
// file has it at, too.
Qcow2Cluster decode_l2_entry(const Qcow2Header&, uint64_t word, uint64_t subclusters, uint64_t guest);

// Where an L2 table lies; 0: nowhere. kDamaged naming what is wrong with the entry.
Result<uint64_t> l2_offset_of(const Qcow2Header&, uint64_t l1_entry);

// `count` integers of 8 bytes at offset. kDamaged where the file ends before; nothing is allocated then.
Result<std::vector<uint64_t>> read_table(const RandomReader&, uint64_t offset, uint64_t count);
Status read_table(const RandomReader&, uint64_t offset, std::span<uint64_t> to);
std::vector<std::byte> encode_table(std::span<const uint64_t>);

}  // namespace hx
