#pragma once
// All of a qcow2 file that says where something lies: read once, for who checks or changes it.

#include <functional>
#include <map>

#include "image/cluster_counts.h"
#include "image/qcow2_bitmaps.h"
#include "image/qcow2_snapshots.h"

namespace hx {

struct Qcow2Metadata {
  Qcow2Header header;
  std::vector<uint64_t> l1;  // of the active disk, all entries
  std::vector<Qcow2Snapshot> snapshots;
  std::vector<std::vector<uint64_t>> snapshot_l1s;  // of each, all entries
  std::vector<Qcow2Bitmap> bitmaps;
  uint64_t snapshot_table_size = 0;  // bytes
};
// kDamaged where a table cannot be read; kUnsupported: L1 tables of more than 256 MiB in all.
Result<Qcow2Metadata> read_qcow2_metadata(const RandomReader&);

// An L2 table as all L1 tables refer to it.
struct L2Use {
  uint32_t references = 0;
  bool is_active = false;  // one of them is the active disk's
  uint64_t guest = 0;      // what the table maps begins there
};
using L2Uses = std::map<uint64_t, L2Use>;  // by where they lie

// Adds one L1 table's references. on_wrong: told of entries that are none, which are passed over.
using OnWrong = std::function<void(const std::string&)>;
void add_l2_uses(const Qcow2Header&, std::span<const uint64_t> l1, bool is_active, L2Uses&, const OnWrong& on_wrong);

// One L2 table's entries, a word or two each.
struct L2Table {
  std::vector<uint64_t> words;
  size_t words_per_entry = 1;
  size_t size() const { return words.size() / words_per_entry; }
  uint64_t& word(size_t entry) { return words[entry * words_per_entry]; }
  uint64_t word(size_t entry) const { return words[entry * words_per_entry]; }
  uint64_t subclusters(size_t entry) const { return words_per_entry == 2 ? words[entry * 2 + 1] : 0; }
};
// table's memory is used again.
Status read_l2(const RandomReader&, const Qcow2Header&, uint64_t offset, L2Table& table);

// The clusters of the file that an entry refers to, as [first, end) of their numbers; empty: none, or not in this file.
struct ClusterRange {
  uint64_t first = 0, end = 0;
};
ClusterRange clusters_of(const Qcow2Header&, const Qcow2Cluster&);

}  // namespace hx
