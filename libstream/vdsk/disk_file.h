#pragma once
// A file that is changed in place, as little more than its system calls: so that a test can record them, cut them off
// after any of them, and fail each.

#include <memory>
#include <string>

#include "io/byte_io.h"
#include "io/unique_fd.h"

namespace hx {

class DiskFile : public RandomReader {
 public:
  virtual Status write_at(uint64_t offset, ByteSpan) = 0;
  virtual Status resize(uint64_t size) = 0;
  virtual Status sync() = 0;  // all that was written is on disk
  // The range reads as zeros, and takes no room where the file system can do that. Advice: it may do nothing.
  virtual Status punch(uint64_t offset, uint64_t length) = 0;
};

enum class QemuLocks : uint8_t { kTake, kIgnore };
// Under QEMU's locks for writing (io/qemu_locks.h), until it is closed. kRefused: in use, also by mounts and loop
// devices (io/device_use.h).
Result<std::unique_ptr<DiskFile>> open_disk_file_for_writing(const std::string& path, QemuLocks);

// One that is open for reading and writing already, under whatever locks.
std::unique_ptr<DiskFile> disk_file_of(UniqueFd, const std::string& name);

}  // namespace hx
