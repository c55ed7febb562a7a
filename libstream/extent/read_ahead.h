#pragma once
#include "extent/disk_reader.h"
#include "extent/extent_source.h"
#include "io/ordered_workers.h"

namespace hx {

// Disks as extent sources: threads read ahead into a pool's buffers, detect zeros there, while the data is in cache,
// and next() restores the order. The one place that does.
struct ReadAheadOptions {
  int threads = 0;           // 0: as the reader likes it
  size_t depth = 16;         // MiB in flight; at most as much again may be held by those behind next()
  bool detect_zeros = true;  // data that is all zero becomes zero extents (extent/zero_detector.h)
};

// One disk; `what` is the list of extents to be read (a whole disk: reader.map(0, size); with less it is shown as a
// part: info_of_part()). Proves check_unchanged() before it reports the end. Threads start with next_disk().
std::unique_ptr<ExtentSource> read_ahead(std::shared_ptr<const DiskReader>, ExtentList what, const ReadAheadOptions&);
// Several disks, one after another; a key that an earlier disk has becomes "diskN", N its number.
std::unique_ptr<ExtentSource> concatenate(std::vector<std::unique_ptr<ExtentSource>>);

}  // namespace hx
