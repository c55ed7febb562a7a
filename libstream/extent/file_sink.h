#pragma once
// Disks into files and devices, as plain bytes.

#include <functional>
#include <memory>

#include "extent/extent_sink.h"
#include "io/atomic_file.h"

namespace hx {

// What a file sink did; a receipt shows it. Bytes.
struct SinkCounts {
  uint64_t written = 0;  // data
  uint64_t zeroed = 0;   // made zero by a call or by writing zeros (in place only)
  uint64_t skipped = 0;  // zeros that a fresh file already has
  uint64_t equal = 0;    // what the target had already (extent/difference_sink.h)
  uint64_t resumed = 0;  // what an earlier run had written for sure
};

class FileSink : public ExtentSink {
 public:
  virtual SinkCounts counts() const = 0;
  // Up to where everything is written without a gap: what a failure's message tells (in place).
  virtual uint64_t contiguous_end() const = 0;
  // What was put before it is called is durable when it returns. Any thread, while others put. After a failure nothing
  // is known of any of it. kUnsupported where nothing but commit() does that.
  virtual Status sync() { return unsupported("the target cannot be made durable before its end"); }
};

// A new file: all or nothing (AtomicFile). Sized first (free space checked: kNoSpace before the first byte when
// `expected_data` bytes cannot fit; 0 = not known), sparse: zero extents and runs of zeros of 64 KiB and more inside
// data are never written. Order::kAny. Writeback is started while it writes, so that the fsync of commit() is short.
Result<std::unique_ptr<FileSink>> new_file_sink(const std::string& path, Overwrite, uint64_t expected_data);
// The same into a file that somebody else has made, of zeros or holes wherever something will be put; commit() calls
// `complete`. fd is not owned.
struct NamelessFile {
  int fd = -1;
  std::string name;  // for messages
  std::function<Status()> complete;
};
std::unique_ptr<FileSink> new_file_sink(NamelessFile, uint64_t expected_data);

enum class Force : bool { kNo, kYes };
// An existing file or block device, in place. Zero extents are made zero (BLKZEROOUT, FALLOC_FL_ZERO_RANGE or punch, or
// written): skipping them would leave stale data. kRefused: mounted or in use (io/device_use; kYes overrides), smaller
// than the disk (never overridden). A regular file larger than the disk keeps its tail. Order::kAny. commit(): fsync.
// Opened with O_EXCL where it is a block device.
Result<std::unique_ptr<FileSink>> in_place_sink(const std::string& path, Force);

// Bytes in order on fd (stdout), not owned: zeros are written, or skipped where fd is a regular file (not O_APPEND) at
// its end, which is then sized. A part (DiskKind::kPart) gives only the bytes of its ranges. Order::kAscending.
std::unique_ptr<FileSink> stdout_sink(int fd, std::string name);

}  // namespace hx
