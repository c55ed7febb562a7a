#include "io/byte_io.h"

namespace hx {

Result<size_t> ByteReader::read_full(MutableByteSpan out) {
  size_t done = 0;
  while (done < out.size()) {
    const size_t got = HX_TRY(read_some(out.subspan(done)));
    if (got == 0) break;
    done += got;
  }
  return done;
}

Status ByteWriter::write_two(ByteSpan first, ByteSpan second) {
  HX_TRY(write_all(first));
  return second.empty() ? Status() : write_all(second);
}

}  // namespace hx
