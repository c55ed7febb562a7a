#pragma once
// What is missing of a file, by ranges, into its .part.

#include <functional>
#include <semaphore>
#include <span>

#include "checkpoint/durable_ranges.h"
#include "checkpoint/part_file.h"
#include "io/byte_io.h"
#include "io/rate_limiter.h"

namespace hx {

struct DownloadLimits {
  int connections = 8;                         // of one file
  std::counting_semaphore<>* slots = nullptr;  // of the requests to one server, over all files; null: no limit
  RateLimiter* rate = nullptr;                 // over all; null: no limit
  uint64_t piece_size = 4 * kMiB;              // one request
};
// Told of each piece that is written; any thread. An error ends the download.
using Written = std::function<Status(uint64_t begin, uint64_t end)>;

// In any order. What is zero takes no space in the .part, which must have its full length already. The first error ends
// all at once, whatever the server does.
Status download_missing(const RandomReader& from, std::span<const ByteInterval> missing, const DownloadLimits&,
                        PartFile& to, const Written&);

// Bytes at their place in the .part, runs of zeros as holes.
Status put_sparse(PartFile&, uint64_t offset, ByteSpan);

}  // namespace hx
