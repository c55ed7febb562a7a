#pragma once
// A source that goes on where a sink stopped: hx-checkpoint(5), RESUME TOKEN.

#include "checkpoint/resume_token.h"
#include "transfer/fetch_plan.h"

namespace hx {

enum class ResumeProof : uint8_t {
  kValidator,  // what the source says of its state is what it said then
  kDigest,     // where that is not so: the bytes before are read again, and their digest tree is compared
};

// The disks, whole ones, begin where the token says. kChanged: one is not, or cannot prove to be, what it was. kUsage:
// the token is of other disks.
Status resume_disks(const ResumeToken&, ResumeProof, std::vector<DiskToFetch>&);

// As read_ahead() of what is left, maybe nothing; shown as the whole disk with its `resume`.
std::unique_ptr<ExtentSource> resumed_source(std::shared_ptr<const DiskReader>, ExtentList what, ResumePoint,
                                             const ReadAheadOptions&);

}  // namespace hx
