#pragma once
// A guest's writes to a qcow2 file, as QEMU does them: it trusts the COPIED flags and the counts, so that a false one
// shows in what it overwrites. Little, slow, of standard clusters only.

#include <stdexcept>

#include "image/qcow2_refcounts.h"
#include "vdsk/disk_file.h"

namespace hx::test {

template <class T>
T must(Result<T> result) {
  if (!result.ok()) throw std::runtime_error(result.error().message);
  return std::move(result).value();
}
inline void must(Status status) {
  if (!status.ok()) throw std::runtime_error(status.error().message);
}

class Qcow2Guest {
 public:
  explicit Qcow2Guest(DiskFile& file) : file_(file), header_(must(read_qcow2_header(file))) {}

  uint64_t size() const { return header_.size; }

  // One cluster of the disk.
  void write(uint64_t guest, std::string_view content) {
    const uint64_t table = own_l2(guest);
    const uint64_t at = table + guest % header_.l2_covers() / header_.cluster_size() * 8;
    const uint64_t entry = word(at);
    uint64_t host = entry & kQcow2OffsetBits;
    if ((entry & kQcow2Copied) == 0 || host == 0) {
      if (host != 0) drop(host);
      host = allocate();
      set_word(at, host | kQcow2Copied);
    }
    must(file_.write_at(host, as_bytes(content)));
  }
  void write_zeros(uint64_t guest) {
    const uint64_t at = own_l2(guest) + guest % header_.l2_covers() / header_.cluster_size() * 8;
    if (const uint64_t host = word(at) & kQcow2OffsetBits) drop(host);
    set_word(at, header_.version >= 3 ? kQcow2Zero : 0);
  }

 private:
  uint64_t word(uint64_t at) const {
    Be64 value;
    must(file_.read_at(at, std::as_writable_bytes(std::span(&value, 1))));
    return value;
  }
  void set_word(uint64_t at, uint64_t value) { must(file_.write_at(at, struct_bytes(Be64(value)))); }

  uint64_t own_l2(uint64_t guest) {
    const uint64_t at = header_.l1_offset + guest / header_.l2_covers() * 8, entry = word(at);
    const uint64_t old = entry & kQcow2OffsetBits;
    if ((entry & kQcow2Copied) != 0 && old != 0) return old;
    std::vector<std::byte> table(header_.cluster_size());
    if (old != 0) {
      must(file_.read_at(old, table));
      drop(old);
    }
    const uint64_t fresh = allocate();
    must(file_.write_at(fresh, table));
    set_word(at, fresh | kQcow2Copied);
    return fresh;
  }

  // A refcount block's place; made where there is none: in the first cluster that it counts.
  uint64_t block_of(uint64_t cluster) {
    const uint64_t index = cluster / header_.refcounts_per_block(), at = header_.reftable_offset + index * 8;
    if (const uint64_t block = word(at)) return block;
    const uint64_t block = index * header_.refcounts_per_block() * header_.cluster_size();
    std::vector<std::byte> bytes(header_.cluster_size());
    set_refcount(bytes, header_.refcount_order, 0, 1);
    must(file_.write_at(block, bytes));
    set_word(at, block);
    return block;
  }
  uint64_t count(uint64_t cluster, int64_t change) {
    const uint64_t block = block_of(cluster), index = cluster % header_.refcounts_per_block();
    std::vector<std::byte> bytes(header_.cluster_size());
    must(file_.read_at(block, bytes));
    const uint64_t value = get_refcount(bytes, header_.refcount_order, index);
    if (change == 0) return value;
    set_refcount(bytes, header_.refcount_order, index, value + static_cast<uint64_t>(change));
    must(file_.write_at(block, bytes));
    return value;
  }
  void drop(uint64_t host) { count(host >> header_.cluster_bits, -1); }
  uint64_t allocate() {
    uint64_t cluster = 1;
    while (count(cluster, 0) != 0) ++cluster;
    count(cluster, 1);
    const uint64_t end = (cluster + 1) * header_.cluster_size();
    if (must(file_.size()) < end) must(file_.resize(end));
    return cluster * header_.cluster_size();
  }

  DiskFile& file_;
  const Qcow2Header header_;
};

}  // namespace hx::test
