#pragma once
// A raw image or a block device as a disk.

#include <memory>
#include <string>

#include "extent/disk_reader.h"
#include "io/unique_fd.h"

namespace hx {

enum class InUse : uint8_t { kRefuse, kAllow };
struct RawDiskOptions {
  InUse in_use = InUse::kRefuse;
};

// A regular file or block device, opened for reading. Holes (io/hole_scan) are zero in its map. kRefused with a hint
// for
// --force where somebody writes to it (io/device_use); kAllow reads such a disk all the same: then nothing is proven
// of it, and info().consistency is "none". check_unchanged(): size, and of a file the times of its last change (mtime,
// ctime) in nanoseconds; a file that has become shorter than what is read is kChanged at once. info().key is "disk0",
// the name is the file's without a suffix for raw images.
Result<std::shared_ptr<DiskReader>> open_raw_disk(const std::string& path, const RawDiskOptions& = {});
// The same of one that is open, and of which the caller knows whether somebody writes to it.
Result<std::shared_ptr<DiskReader>> raw_disk_of(UniqueFd, const std::string& path, bool in_use);

}  // namespace hx
