#pragma once
#include "base/result.h"
#include "hash/xxh3.h"

namespace hx {

// What the seek table must be, learned frame by frame, in constant memory. One thread.
class SeekTableCheck {
 public:
  void add_frame(uint64_t compressed_size, uint64_t decompressed_size);
  uint64_t frame_count() const { return count_; }
  // Whether a file with these frames has a seek table at all.
  bool is_due() const;
  uint64_t size() const;  // of the whole skippable frame
  // The frame's bytes, in pieces from its magic on; then finish().
  void update(ByteSpan);
  Status finish();  // kDamaged without an object

 private:
  Xxh3 expected_, actual_;
  uint64_t count_ = 0, seen_ = 0;
};

}  // namespace hx
