#pragma once
#include <atomic>
#include <functional>
#include <string>

#include "base/result.h"
#include "extent/extent.h"
#include "io/writeback.h"

namespace hx {

// Writes data to its place in a file. Runs of zeros in it (zero_detector.h) are the caller's, who knows what a zero
// takes in his file. Does not own fd. Any thread.
class PlacedData {
 public:
  using PutZeros = std::function<Status(uint64_t offset, uint64_t length)>;

  PlacedData(int fd, std::string name, PutZeros put_zeros)
      : fd_(fd), name_(std::move(name)), put_zeros_(std::move(put_zeros)), writeback_(fd) {}
  Status put(const Extent&);
  uint64_t written() const { return written_; }

 private:
  const int fd_;
  const std::string name_;
  const PutZeros put_zeros_;
  Writeback writeback_;
  std::atomic<uint64_t> written_ = 0;
};

}  // namespace hx
