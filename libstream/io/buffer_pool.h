#pragma once
// Aligned, reusable memory for payloads, under a budget.

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/bytes.h"

namespace hx {

class BufferPool;

// A slice of a block of a pool (or of plain memory), 4 KiB aligned at the block's start. Move-only; share() and slice()
// give another handle on the same bytes, and the block goes home with its last handle. Handles of one block may be in
// different threads as long as nobody writes.
class Buffer {
 public:
  Buffer() = default;
  Buffer(Buffer&&) noexcept = default;
  Buffer& operator=(Buffer&&) noexcept = default;

  static Buffer copy_of(ByteSpan);  // plain memory, for small things and tests

  size_t size() const { return bytes_.size(); }
  bool empty() const { return bytes_.empty(); }
  MutableByteSpan bytes() { return bytes_; }
  ByteSpan bytes() const { return bytes_; }
  Buffer share() const { return Buffer(block_, bytes_); }
  Buffer slice(size_t offset, size_t length) const { return Buffer(block_, bytes_.subspan(offset, length)); }

 private:
  friend class BufferPool;
  Buffer(std::shared_ptr<void> block, MutableByteSpan bytes) : block_(std::move(block)), bytes_(bytes) {}
  std::shared_ptr<void> block_;
  MutableByteSpan bytes_;
};

// Blocks of one size. acquire() waits while the budget is used up; so whoever needs several at once, or needs one to
// set others free, must not hold all of them. Any thread. Outlives its buffers' last handle by itself (shared state).
class BufferPool {
 public:
  BufferPool(size_t block_size, size_t count);
  size_t block_size() const;
  size_t count() const;
  Buffer acquire(size_t length);  // length <= block_size; content undefined
  // Wakes all who wait: acquire() then gives memory beyond the budget, so that a failing pipeline can unwind.
  void close();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace hx
