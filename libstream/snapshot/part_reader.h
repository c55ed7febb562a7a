#pragma once
#include <algorithm>

#include "io/byte_io.h"

namespace hx {

// The bytes [at, end) of a file, which must outlive this, in sequence.
class PartReader : public ByteReader {
 public:
  PartReader(const RandomReader& file, uint64_t at, uint64_t end) : file_(file), at_(at), end_(end) {}
  Result<size_t> read_some(MutableByteSpan out) override {
    const size_t count = std::min<uint64_t>(out.size(), end_ - at_);
    if (count == 0) return count;
    HX_TRY(file_.read_at(at_, out.first(count)));
    at_ += count;
    return count;
  }
  const std::string& name() const override { return file_.name(); }

 private:
  const RandomReader& file_;
  uint64_t at_;
  const uint64_t end_;
};

}  // namespace hx
