#pragma once
// Is somebody else using this file or device? What the kernel and QEMU's locks can tell.

#include <optional>
#include <string>

#include "base/result.h"

namespace hx {

enum class UseFor { kReading, kWriting };
// Words that follow the path and a colon ("mounted read-write on /srv", "in use as swap space", "locked by QEMU for
// writing", "attached to /dev/loop0"), or nullopt. kReading: only what may write to it counts; a read-only mount is
// fine.
//   device: mounts and swap on it, on its partitions, and on what device mapper or RAID builds on it;
//   file or device: the same through a loop device behind which it lies;
//   QEMU's lock bytes (block/file-posix.c): kReading: 101, somebody writes; kWriting: 100 to 299, somebody has it open.
// What it cannot see: mounts in other mount namespaces (O_EXCL at a device's open() tells of those; that is the
// caller's, as the claim lasts as long as the descriptor), and whoever takes no locks.
Result<std::optional<std::string>> who_uses(int fd, const std::string& path, UseFor);

}  // namespace hx
