#include "io/buffered_reader.h"

#include <algorithm>
#include <cstring>

namespace hx {

BufferedReader::BufferedReader(ByteReader& source, ByteSpan already_read, size_t buffer_size)
    : source_(source), buffer_(std::max(buffer_size, already_read.size())), end_(already_read.size()) {
  std::ranges::copy(already_read, buffer_.begin());
}

Result<size_t> BufferedReader::read_some(MutableByteSpan out) {
  if (begin_ == end_) {
    if (out.size() >= buffer_.size()) {
      const size_t got = HX_TRY(source_.read_some(out));
      offset_ += got;
      return got;
    }
    end_ = begin_ = 0;
    end_ = HX_TRY(source_.read_some(buffer_));
  }
  const size_t step = std::min(out.size(), end_ - begin_);
  std::memcpy(out.data(), buffer_.data() + begin_, step);
  begin_ += step;
  offset_ += step;
  return step;
}

Result<bool> BufferedReader::at_end() {
  if (begin_ < end_) return false;
  begin_ = end_ = 0;
  end_ = HX_TRY(source_.read_some(buffer_));
  return end_ == 0;
}

}  // namespace hx
