#pragma once
// Checkpoints inside a qcow2 file: its snapshots. Every change is one flip (vdsk/shadow_transaction.h); refused where
// the file is not sound, so that nothing is built on damage; leaks are given back by the way.

#include <chrono>
#include <optional>

#include "extent/extent_list.h"
#include "vdsk/shadow_transaction.h"

namespace hx {

// kUnsupported: an external data file, of which no checkpoints can be; kDamaged, with the first finding: not sound.
Result<CheckedImage> read_sound_image(const RandomReader&);

using Moment = std::chrono::system_clock::time_point;

using Change = std::unique_ptr<Qcow2Change>;  // to be flipped

// kRefused (reason "exists"): a checkpoint has that name, or that id; a refcount width that is full.
Result<Change> prepare_create(DiskFile&, const std::string& name, Moment now);

struct RestoreOptions {
  // The disk as it is becomes a checkpoint of this name, in the same flip; without, it is lost.
  std::optional<std::string> save_as;
  Moment now;
};
// The disk becomes what it was then, its size too. kRefused: the image has bitmaps, which would not know of it.
Result<Change> prepare_restore(DiskFile&, const SnapshotName&, const RestoreOptions&);
Result<Change> prepare_delete(DiskFile&, const SnapshotName&);

// Counts and flags made right. kDamaged: something is broken that counting does not mend.
Result<Change> prepare_repair(DiskFile&, CheckedImage);

struct CheckpointEntry {
  Qcow2Snapshot snapshot;
  uint64_t exclusive_bytes = 0;  // of the file: what deleting it would free
};
// In the order of the file.
Result<std::vector<CheckpointEntry>> list_checkpoints(const RandomReader&, const CheckedImage&);

// What may differ between two states of the disk, `to` and before it `from`; empty: the disk as it is. As large as `to`
// is; beyond `from`'s end all is changed. What is kZero in it reads as zeros in `to`, kData has to be read; what is the
// same is absent.
Result<ExtentList> diff_checkpoints(const RandomReader&, const Qcow2Metadata&, const std::optional<SnapshotName>& from,
                                    const std::optional<SnapshotName>& to);

}  // namespace hx
