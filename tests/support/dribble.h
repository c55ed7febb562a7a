#pragma once
// Bytes as a pipe may give them: a few at a time, and with a fault where a test wants one.

#include <algorithm>
#include <cstring>
#include <optional>

#include "io/byte_io.h"

namespace hx::test {

class Dribble : public ByteReader {
 public:
  // At most `step` bytes a read. The bytes outlive it.
  Dribble(ByteSpan bytes, size_t step, std::string name = "pipe")
      : bytes_(bytes), step_(step), name_(std::move(name)) {}
  // A read that would give the byte at this position fails.
  void fail_at(uint64_t position, Error error) { fault_ = {position, std::move(error)}; }

  Result<size_t> read_some(MutableByteSpan out) override {
    size_t count = std::min({out.size(), step_, bytes_.size() - position_});
    if (fault_ && position_ <= fault_->first && position_ + count > fault_->first) count = fault_->first - position_;
    if (fault_ && position_ == fault_->first) return Error(fault_->second);
    std::memcpy(out.data(), bytes_.data() + position_, count);
    position_ += count;
    return count;
  }
  const std::string& name() const override { return name_; }

 private:
  ByteSpan bytes_;
  size_t step_, position_ = 0;
  std::string name_;
  std::optional<std::pair<uint64_t, Error>> fault_;
};

}  // namespace hx::test
