#include "codec/inflate.h"

#include <zlib.h>

#include <limits>

namespace hx {

Status inflate_raw(ByteSpan deflated, MutableByteSpan content) {
  constexpr size_t kMost = std::numeric_limits<uInt>::max();
  if (deflated.size() > kMost || content.size() > kMost) return bug("inflating more than 4 GiB at once");
  z_stream stream = {};
  // Negative: no header. The largest window reads what any smaller one wrote.
  if (inflateInit2(&stream, -MAX_WBITS) != Z_OK) return bug("inflate: no memory");
  // zlib only reads from next_in, but its type says otherwise unless ZLIB_CONST is defined everywhere.
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(deflated.data()));
  stream.avail_in = static_cast<uInt>(deflated.size());
  stream.next_out = reinterpret_cast<Bytef*>(content.data());
  stream.avail_out = static_cast<uInt>(content.size());
  const int code = ::inflate(&stream, Z_FINISH);
  const size_t missing = stream.avail_out;
  inflateEnd(&stream);
  if ((code == Z_STREAM_END || code == Z_BUF_ERROR || code == Z_OK) && missing == 0) return {};
  return damaged("the compressed data is damaged");
}

}  // namespace hx
