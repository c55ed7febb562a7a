#include "hash/tree_hasher.h"

#include <algorithm>

namespace hx {

void TreeHasher::update(ByteSpan bytes) {
  while (!bytes.empty()) {
    const ByteSpan piece = bytes.first(std::min<uint64_t>(bytes.size(), chunk_size_ - in_chunk_));
    chunk_.update(piece);
    advance(piece.size());
    bytes = bytes.subspan(piece.size());
  }
}

void TreeHasher::update_zeros(uint64_t length) {
  while (length > 0) {
    if (in_chunk_ == 0 && length >= chunk_size_) {
      const uint64_t count = length / chunk_size_;
      tree_.add_zero_chunks(count);
      position_ += count * chunk_size_;
      length -= count * chunk_size_;
      continue;
    }
    const uint64_t piece = std::min<uint64_t>(length, chunk_size_ - in_chunk_);
    chunk_.update_zeros(piece);
    advance(piece);
    length -= piece;
  }
}

void TreeHasher::finish() {
  if (in_chunk_ > 0) tree_.add(chunk_.finish());
  in_chunk_ = 0;
}

void TreeHasher::advance(uint64_t length) {
  position_ += length;
  in_chunk_ += length;
  if (in_chunk_ == chunk_size_) finish();
}

}  // namespace hx
