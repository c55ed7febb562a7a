#pragma once
// The disk in one qcow2 file, without its backing file.

#include <memory>
#include <optional>

#include "extent/disk_reader.h"
#include "image/qcow2_snapshots.h"

namespace hx {

struct Qcow2DiskOptions {
  std::shared_ptr<const RandomReader> data_file;  // where the header names one, it must be here
  std::optional<SnapshotName> snapshot;           // instead of the active disk
};

// What the file says nothing of is absent if it has a backing file (info().kind is then kDelta), else zero. VM states
// behind the disk are not read. Compressed clusters are decoded as they are read; the last one is kept. Clusters that
// lie beyond the end of the file are kDamaged, not zeros; but within its last one, what is missing is zeros, as QEMU
// leaves it so. check_unchanged() is that of the files. info().key is "disk0", the name is the caller's.
Result<std::shared_ptr<DiskReader>> open_qcow2_disk(std::shared_ptr<const RandomReader>, const Qcow2DiskOptions& = {});

}  // namespace hx
