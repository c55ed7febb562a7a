#pragma once
#include <vector>

#include "io/byte_io.h"

namespace hx {

// Small reads out of big ones, with a count of what was taken. Reads of a buffer's size and more pass it by. One
// thread.
class BufferedReader : public ByteReader {
 public:
  // `already_read`: bytes that were taken from the source before (to see what it is).
  explicit BufferedReader(ByteReader& source, ByteSpan already_read = {}, size_t buffer_size = 256 * kKiB);
  Result<size_t> read_some(MutableByteSpan out) override;
  const std::string& name() const override { return source_.name(); }
  uint64_t offset() const { return offset_; }  // of the next byte, counted from the source's beginning
  Result<bool> at_end();

 private:
  ByteReader& source_;
  std::vector<std::byte> buffer_;
  size_t begin_ = 0, end_ = 0;  // what of buffer_ is not yet taken
  uint64_t offset_ = 0;
};

}  // namespace hx
