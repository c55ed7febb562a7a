#pragma once
// A file in one answer: from servers that have no ranges, or say nothing that proves that ranges belong together.

#include "io/rate_limiter.h"
#include "net/remote_file.h"
#include "transfer/download_ranges.h"

namespace hx {

struct WholeOptions {
  // Bytes that the .part has already, of the state that the file was opened in: the answer's first ones are passed
  // over.
  uint64_t have = 0;
  int retries = 4;              // after an answer that was cut short
  RateLimiter* rate = nullptr;  // null: no limit
};

// Gives the size. The client must serve nobody else: it waits for the disk and the rate. An answer that is cut short is
// asked for again; where nothing proves that the next one is of the same state, it is taken from its first byte.
// kChanged: it is of another state than was opened. kUnsupported: an answer whose end nothing tells.
Result<uint64_t> download_whole(HttpClient&, const RemoteFile&, const WholeOptions&, PartFile& to, const Written&);

}  // namespace hx
