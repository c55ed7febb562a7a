#pragma once
// From a source to a sink.

#include "extent/disk_reader.h"
#include "extent/extent_sink.h"
#include "extent/extent_source.h"
#include "io/progress.h"
#include "io/rate_limiter.h"

namespace hx {

struct PumpOptions {
  Progress* progress = nullptr;         // counts here, if given
  RateLimiter* rate_limiter = nullptr;  // waits here before each piece of data, if given
};

// All disks of the source, in order; does not commit the sink. On failure calls sink.abort() and returns the error.
Status pump(ExtentSource&, ExtentSink&, const PumpOptions&);

// One disk, read and put by several threads at once, in any order (sink.order() must be kAny): a worker takes the next
// piece of at most one grain, reads it and puts it. A sink may keep data after put(), but must not need another put()
// to let go of it: the memory is bounded, and so a read waits. Other extents are put whole. On failure the first error
// counts, and sink.abort() is called. begin_disk() and end_disk() included; check_unchanged() too. Does not commit. The
// disk is shown as info_of_part() does.
Status parallel_pump(const DiskReader&, const ExtentList&, ExtentSink&, int threads, const PumpOptions&);

}  // namespace hx
