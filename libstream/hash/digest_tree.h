#pragma once
// The digest tree over a disk's chunks: mirn(5), DIGEST TREE.
//   leaf  = SHA-256 of a chunk's bytes (the last chunk as short as it is)
//   node  = SHA-256(0x01 || left || right), split as in RFC 6962, section 2.1: the left part is the largest power of
//   two
//           below the count
//   identity = SHA-256("HXROOT1" || u64 size || u32 chunk_size || root), little-endian; no chunks: root = SHA-256("")

#include <optional>
#include <vector>

#include "hash/digest.h"

namespace hx {

Digest zero_leaf(uint64_t length);  // SHA-256 of so many zero bytes; computed anew each time

// Leaves in order; memory is one digest a level. One thread.
class DigestTree {
 public:
  explicit DigestTree(uint32_t chunk_size);
  void add(const Digest& leaf);
  void add_zero_chunks(uint64_t count);  // whole chunks of zeros: logarithmic, not linear
  uint64_t count() const { return count_; }
  Digest identity(uint64_t size) const;

  // What a tree of so many leaves goes on with: the roots of the complete subtrees that they make, the largest first.
  std::vector<Digest> subtrees() const;
  // nullopt: so many leaves make another number of them.
  static std::optional<DigestTree> of_subtrees(uint32_t chunk_size, uint64_t count, const std::vector<Digest>&);

 private:
  struct Subtree {
    int level;  // of 2^level leaves
    Digest root;
  };
  void push(int level, const Digest& root);
  const Digest& zero_root(int level);

  uint32_t chunk_size_;
  uint64_t count_ = 0;
  std::vector<Subtree> stack_;  // levels strictly falling
  std::vector<Digest> zero_roots_;
};

}  // namespace hx
