#pragma once
// Layers of a chain into one: a base and deltas into a full snapshot, deltas alone into one delta. Version 2.

#include "io/progress.h"
#include "snapshot/chain.h"
#include "snapshot/snapshot_writer.h"

namespace hx {

struct MergeOptions {
  int level = 3;  // of chunks that must be packed again
  int threads = 2;
  std::string created_by, timestamp;
  DiskProgress* progress = nullptr;
};

struct MergeOutcome {
  PackTotals totals;
  uint64_t copied = 0, packed = 0;  // chunks of data: as they were, and made of several layers' parts
};

// The newest state and the oldest parent_state, so that what builds on the chain builds on the result. Frames are
// copied where one layer has all that is to be said of a chunk. All indexes are verified first, and each frame's bytes
// as they are copied. kDamaged: the disk that comes out is not the one that the newest delta was made of. The output
// outlives the call; commit() of the file behind it is the caller's.
Result<MergeOutcome> merge_layers(const Chain&, SnapshotOutput&, const MergeOptions&);

}  // namespace hx
