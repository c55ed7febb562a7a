#pragma once
#include <memory>

#include "extent/disk_reader.h"

namespace hx {

// upper where it says data or zero; where it is absent, lower, and zeros behind lower's end. info() is upper's, as a
// full disk if lower is one. check_unchanged() is that of both.
std::shared_ptr<DiskReader> backed_disk(std::shared_ptr<const DiskReader> upper,
                                        std::shared_ptr<const DiskReader> lower);

}  // namespace hx
