#pragma once
// Snapshots read in sequence, from a pipe: one disk as an extent source.

#include "extent/extent_source.h"
#include "io/byte_io.h"
#include "snapshot/mirn_header.h"

namespace hx {

// One of ours (header.hx is there): frames are decoded by several threads; what they say is checked against the index
// pages as those arrive, and all else at the end. So extents come out before they are proven: next_disk() after them,
// and nothing earlier, is the proof. `in` stands right behind the header. Owns neither.
std::unique_ptr<ExtentSource> indexed_source(ByteReader& in, const SnapshotHeader&, int threads);

// One of the original's: a sequence of zstd frames, decoded in a thread of its own, and the image's SHA-256, checked at
// the end. kDamaged where the content is longer or shorter than the header says, or where the file has an index that
// its header does not tell of.
std::unique_ptr<ExtentSource> plain_source(ByteReader& in, const SnapshotHeader&);

}  // namespace hx
