#pragma once
#include <string>

#include "base/result.h"

namespace hx {

// Writes the file's own name, the last part of path, into the descriptor of a monolithicSparse VMDK that was made under
// another: VMware and others look for its one extent by that. kDamaged: none.
Status name_vmdk_extent(int fd, const std::string& path);

}  // namespace hx
