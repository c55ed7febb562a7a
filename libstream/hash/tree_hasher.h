#pragma once
#include "hash/digest_tree.h"
#include "hash/sha256.h"

namespace hx {

// The digest tree of bytes that come in order. One thread.
class TreeHasher {
 public:
  explicit TreeHasher(uint32_t chunk_size) : TreeHasher(DigestTree(chunk_size), chunk_size, 0) {}
  // Goes on with a tree of [0, position).
  TreeHasher(DigestTree tree, uint32_t chunk_size, uint64_t position)
      : chunk_size_(chunk_size), tree_(std::move(tree)), position_(position) {}

  void update(ByteSpan);
  void update_zeros(uint64_t length);
  // No more comes: what has begun is the last chunk, as short as it is.
  void finish();

  uint64_t position() const { return position_; }
  uint64_t whole() const { return position_ - in_chunk_; }  // the end of the last chunk that is in the tree
  const DigestTree& tree() const { return tree_; }          // of [0, whole())

 private:
  void advance(uint64_t length);

  uint32_t chunk_size_;
  DigestTree tree_;
  Sha256 chunk_;
  uint64_t position_;
  uint64_t in_chunk_ = 0;  // how much of the chunk that has begun
};

}  // namespace hx
