#pragma once
// A snapshot or a stream into a file sink: whole or in part, checked as it is read.

#include "extent/extent_algebra.h"
#include "extent/file_sink.h"
#include "extent/pump.h"
#include "transfer/difference_plan.h"
#include "transfer/snapshot_input.h"

namespace hx {

enum class Verify : uint8_t {
  kTree,  // every chunk against its digest, and the tree: all that a restore needs
  kFull,  // also the serial SHA-256 of the whole image
};

enum class Parts : uint8_t { kTake, kRefuse };  // of a stream: kRefuse where a whole disk is to be made

enum class OnDamage : uint8_t {
  kRefuse,   // nothing counts
  kHeal,     // what is damaged comes from heal_from, all of it, or nothing counts
  kSalvage,  // what is good counts (from heal_from too), the rest is named
};

struct RestoreJob {
  SnapshotInput* input = nullptr;
  std::optional<Range> range;  // of the disk; only this is restored (all of a pipe is checked all the same)
  Verify verify = Verify::kTree;
  Parts parts = Parts::kTake;
  int threads = 2;
  PumpOptions pump;
  // --only-differences: the target, read; the sink then is a difference_sink. check_before() finds which chunks need
  // not be touched, as their digest is the target's already.
  std::shared_ptr<const DiskReader> target_content = {};
  std::optional<DifferencePlan> plan = {};
  OnDamage damage = OnDamage::kRefuse;
  std::shared_ptr<const DiskReader> heal_from = {};  // a disk that still has what the snapshot has lost
  std::string salvage_map = {};                      // a file for the map of what was restored; empty: none
  // transfer/resume_restore: a stream may go on with an earlier one; of a snapshot by place `done` is neither read nor
  // put. (A source in sequence is read as a whole: the sink knows.)
  Resumed resumed = Resumed::kRefuse;
  RangeSet done = {};
};

// What is known once all is done.
struct RestoreOutcome {
  DiskInfo disk;                       // the ranges are what was restored
  std::optional<Digest> image_digest;  // as the snapshot says
  std::optional<Digest> tree;
  bool full_checked = false;  // the image's SHA-256 was computed and fits
  uint64_t equal = 0;         // bytes that the plan leaves out
  RangeSet lost = {};         // with kSalvage: what was not restored
  RangeSet unproven = {};     // with kSalvage: what was restored though nothing but its own checksum speaks for it
  std::string doubt = {};     // why all of it is unproven, where there is one reason for all
  uint64_t healed = 0;        // bytes that heal_from had
};

// Does not commit. Several disks in a stream are kUnsupported.
Result<RestoreOutcome> restore(const RestoreJob&, ExtentSink&);

// The index of a snapshot in a file is checked, and every frame's bytes against their checksum (with kFull they are
// decoded, too), before a target that cannot be replaced as a whole is touched. So what happened to the file is seen,
// not what was wrong when it was packed. kDamaged names the first fault. Of a plain snapshot or a stream in a file: one
// whole read. A pipe: nothing. With target_content only the frames that will be written are read, and job.plan is made.
Status check_before(RestoreJob&);

}  // namespace hx
