#pragma once
// What this process asks of the disk, in order: writes, truncations, syncs, names. recorded_calls.cc stands before the
// C library's functions in this test program.

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <vector>

namespace hx::test {

struct Call {
  enum class What : uint8_t { kWrite, kTruncate, kSync, kName, kRename, kRemove } what;
  ino_t inode = 0;                 // what is written, synced (a directory too), or named
  uint64_t offset = 0;             // kWrite; kTruncate: the size
  std::string bytes = {};          // kWrite
  std::string from = {}, to = {};  // leaves; kName: to; kRemove: from
};

// From its making until it goes, on files of one device. One at a time.
class RecordedCalls {
 public:
  RecordedCalls();
  ~RecordedCalls();
  RecordedCalls(const RecordedCalls&) = delete;
  std::vector<Call> take();
};

}  // namespace hx::test
