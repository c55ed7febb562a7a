#pragma once
// A file in memory that counts what is read of it.

#include <algorithm>
#include <atomic>
#include <string>

#include "io/fd_io.h"

namespace hx::test {

// One thread reads, another may cancel.
class CountedFile : public RandomReader {
 public:
  explicit CountedFile(std::string bytes) : bytes_(std::move(bytes)), memory_(as_bytes(bytes_)) {}
  Result<uint64_t> size() const override { return memory_.size(); }
  Status read_at(uint64_t offset, MutableByteSpan out) const override {
    bytes_read_ += out.size();
    largest_read_ = std::max<uint64_t>(largest_read_, out.size());
    return memory_.read_at(offset, out);
  }
  const std::string& name() const override { return memory_.name(); }
  void cancel() const override { cancelled_ = true; }

  uint64_t bytes_read() const { return bytes_read_; }
  uint64_t largest_read() const { return largest_read_; }
  bool was_cancelled() const { return cancelled_; }

 private:
  const std::string bytes_;
  const MemoryReader memory_;
  mutable uint64_t bytes_read_ = 0, largest_read_ = 0;
  mutable std::atomic<bool> cancelled_ = false;
};

}  // namespace hx::test
