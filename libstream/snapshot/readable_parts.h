#pragma once
// A file on a disk that fails: where it cannot be read it has zeros, which no checksum takes for what was there.

#include "io/byte_io.h"

namespace hx {

// Any thread, if the file can. The file must outlive this object.
class ReadableParts : public RandomReader {
 public:
  explicit ReadableParts(const RandomReader& file) : file_(file) {}
  Result<uint64_t> size() const override { return file_.size(); }
  // As the file's, but kSystem is no error: the 4 KiB around the place that cannot be read come as zeros.
  Status read_at(uint64_t offset, MutableByteSpan out) const override;
  const std::string& name() const override { return file_.name(); }
  Status check_unchanged() const override { return file_.check_unchanged(); }
  void cancel() const override { file_.cancel(); }

 private:
  const RandomReader& file_;
};

}  // namespace hx
