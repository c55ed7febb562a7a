#pragma once
// Restoring onto a target that already has most of the disk: which chunks are to be restored at all.

#include "io/progress.h"
#include "snapshot/snapshot_reader.h"

namespace hx {

struct DifferencePlan {
  ExtentList what;     // what must be decoded and compared: chunks that differ, and all zeros
  uint64_t equal = 0;  // bytes of chunks whose digest the target's bytes have: nothing more is done with these
};

// Of the ranges [from, to): reads the target's bytes of each data chunk and compares their digest with the leaf, so
// that of what is equal nothing is read from the snapshot. The frames of what differs are read and compared with their
// checksums, as the target is going to be overwritten: kDamaged names the first that does not hold. The index must have
// been verified.
Result<DifferencePlan> plan_differences(const SnapshotReader&, const DiskReader& target, const Range& range,
                                        int threads, DiskProgress*);

}  // namespace hx
