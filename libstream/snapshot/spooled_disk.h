#pragma once
#include "extent/disk_reader.h"
#include "extent/extent_source.h"

namespace hx {

// The one disk of a source that can only be read in sequence, kept in an unnamed sparse file in `directory` as long as
// this object lives, so that it can be read at any place. The source has proven it when this returns. kUnsupported:
// several disks, or not a full one. kNoSpace names the directory.
Result<std::shared_ptr<DiskReader>> spool_disk(ExtentSource&, const std::string& name, const std::string& directory);

}  // namespace hx
