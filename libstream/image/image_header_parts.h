#pragma once
// The readers behind image_header.h, a file each.

#include "base/endian.h"
#include "image/image_header.h"

namespace hx {

Result<ImageHeader> read_qcow2(const RandomReader&);
Result<ImageHeader> read_vmdk(const RandomReader&);

Error not_this_format(const RandomReader&, ImageFormat);

template <class T>
Result<T> read_struct(const RandomReader& file, uint64_t offset) {
  T value;
  HX_TRY(file.read_at(offset, std::as_writable_bytes(std::span(&value, 1))));
  return value;
}

}  // namespace hx
