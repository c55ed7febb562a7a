#pragma once
// A file's ranges, several at once, into memory that is bounded.

#include <functional>
#include <span>

#include "io/buffer_pool.h"
#include "io/byte_io.h"

namespace hx {

struct FileRange {
  uint64_t offset = 0, length = 0;
};
enum class Delivery : uint8_t {
  kInOrder,   // put() is called in the caller's thread, offsets as in the list
  kAnyOrder,  // put() is called from several threads at once, as pieces arrive
};
struct RangeDownloadOptions {
  int connections = 8;             // pieces on their way at once
  uint64_t piece_size = 4 * kMiB;  // one request each
  Delivery delivery = Delivery::kInOrder;
};
using PutPiece = std::function<Status(uint64_t offset, Buffer)>;

// Reads the ranges in pieces, from a file whose reader proves each answer (RemoteFile). At most 2 × connections pieces
// are in memory, those that put() keeps not counted. The first error, of a read or of put(), ends all and is the
// answer.
Status download_ranges(const RandomReader&, std::span<const FileRange>, const RangeDownloadOptions&, const PutPiece&);

}  // namespace hx
