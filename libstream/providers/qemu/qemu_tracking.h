#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "providers/change_tracking.h"

namespace hx {

// How the disks of a running machine are tracked; of those that a token is of, what changed since. Errors as
// Machine::open().
Result<MachineTracking> qemu_tracking(const std::string& location, const std::vector<std::string>& tokens);

// Begins to record, on all disks in one transaction, where nothing of ours records soundly; a disk that cannot be
// written is left out. granularity: bytes, a power of two from 512 to 2 GiB.
Status enable_qemu_tracking(const std::string& location, uint64_t granularity);
// Drops all bitmaps of ours. kRefused with reason "bitmap-busy": an export of ours is under way.
Status disable_qemu_tracking(const std::string& location);

}  // namespace hx
