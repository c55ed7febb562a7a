#pragma once
// The first cluster of a qcow2 file, decoded and within the limits of the format.

#include <optional>
#include <string>
#include <vector>

#include "image/image_header.h"
#include "image/qcow2_format.h"

namespace hx {

struct Qcow2Extension {
  uint32_t type = 0;
  uint64_t offset = 0, length = 0;  // of its data in the file
};
struct Qcow2BitmapDirectory {
  uint32_t count = 0;
  uint64_t offset = 0, size = 0;
};

struct Qcow2Header {
  uint32_t version = 3, cluster_bits = 16;
  uint64_t size = 0;  // of the disk, bytes
  uint64_t l1_offset = 0;
  uint32_t l1_size = 0;  // entries
  uint64_t reftable_offset = 0;
  uint32_t reftable_clusters = 0;
  uint32_t snapshot_count = 0;
  uint64_t snapshots_offset = 0;
  uint64_t incompatible = 0, compatible = 0, autoclear = 0;
  uint32_t refcount_order = 4, header_length = 104;
  uint8_t compression_type = 0;  // 0 deflate, 1 zstd
  uint64_t backing_offset = 0;
  std::string backing_name, backing_format, data_file;  // empty: none, or not said
  std::optional<Qcow2BitmapDirectory> bitmaps;          // only where the file says that they are consistent
  bool has_stale_bitmaps = false;  // there are some, but a program that knows of none wrote to the file
  std::vector<Qcow2Extension> extensions;

  uint64_t cluster_size() const { return uint64_t{1} << cluster_bits; }
  bool has(uint64_t incompatible_feature) const { return (incompatible & incompatible_feature) != 0; }
  bool is_extended() const { return has(kQcow2ExtendedL2); }
  uint64_t l2_entry_size() const { return is_extended() ? 16 : 8; }
  uint64_t l2_entries() const { return cluster_size() / l2_entry_size(); }
  // How much of the disk one L2 table maps, and how many L1 entries a disk of so many bytes needs.
  uint64_t l2_covers() const { return l2_entries() << cluster_bits; }
  uint64_t l1_needed(uint64_t disk_size) const { return disk_size / l2_covers() + (disk_size % l2_covers() != 0); }
  uint64_t refcount_bits() const { return uint64_t{1} << refcount_order; }
  uint64_t refcounts_per_block() const { return cluster_size() * 8 / refcount_bits(); }
};

// kDamaged: not a qcow2, malformed, or beyond a limit; kUnsupported: another version, an unknown incompatible feature,
// encrypted. Where the tables lie is checked by who reads them. Any thread.
Result<Qcow2Header> read_qcow2_header(const RandomReader&);

}  // namespace hx
