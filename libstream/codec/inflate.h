#pragma once
// Raw deflate (RFC 1951), without zlib's or gzip's header. The one home of <zlib.h>.

#include "base/bytes.h"
#include "base/result.h"

namespace hx {

// Fills content from the beginning of deflated, which may go on behind it. kDamaged where it cannot be filled (the
// message has no object: the caller knows it). Any thread.
Status inflate_raw(ByteSpan deflated, MutableByteSpan content);

}  // namespace hx
