#pragma once
// A restore that several runs make: hx-checkpoint(5).

#include "checkpoint/durable_ranges.h"
#include "transfer/restore_target.h"

namespace hx {

class ResumingFileSink : public FileSink {
 public:
  // What an earlier run has written of this source for sure. Of a stream it is known from begin_disk() on.
  virtual const DurableRanges& done() const = 0;
  // The process is about to end: saves what there is. How another run goes on, or nothing. Any thread.
  virtual std::string save_and_tell() = 0;
  // The same of what was saved last.
  virtual std::string how_to_go_on() const = 0;
};

// target.resume is set. A new file is PATH.part until commit(); of a target in place, which is opened here, nothing is
// touched before begin_disk(). From a stream also what a resume token needs is kept: it must be of one whole disk,
// whose size is known. kChanged: what is there was begun with another source. kUsage: a target that cannot be gone on
// with. The job is told what is done.
Result<std::unique_ptr<ResumingFileSink>> open_resuming_target(const RestoreTarget& target, TargetKind, RestoreJob&);

}  // namespace hx
