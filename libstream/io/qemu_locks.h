#pragma once
#include <string>

#include "base/result.h"
#include "io/device_use.h"

namespace hx {

// Takes on fd's open file description the locks by which QEMU (block/file-posix.c) knows who uses an image, and looks
// whether somebody else does: kRefused (reason "in-use"). kReading: others may read, nobody may write. kWriting: nobody
// else may do either. They last until the description is closed. Where the file system has no such locks (NFS), reading
// goes on without, writing is kUnsupported. fd: open for reading.
Status take_qemu_locks(int fd, const std::string& path, UseFor);

}  // namespace hx
