#pragma once
// Is somebody else using this file or device? What the kernel and QEMU's locks can tell.

#include <optional>
#include <string>

#include "base/result.h"

namespace hx {

enum class UseFor { kReading, kWriting };
// A sentence that says who uses it ("mounted read-write on /srv", "locked by QEMU for writing", "swap", "in use by the
// kernel"), or nullopt. kReading: a read-only mount is fine. A regular file: also as the backing of a loop device that is
// mounted, and QEMU's lock bytes (F_OFD_GETLK on byte 101: BLK_PERM_WRITE of block/file-posix.c; kWriting: on 100-199).
Result<std::optional<std::string>> who_uses(int fd, const std::string& path, UseFor);

}  // namespace hx
