#pragma once
// One input onto one target: what hx-restore does, but for its options and words.

#include "transfer/resume_restore.h"

namespace hx {

struct RestoreDone {
  std::string text;     // what was done, in a line
  std::string receipt;  // a line of JSON
  Status status;        // with OnDamage::kSalvage kDamaged where anything is missing; else good
};

class RestoreRun {
 public:
  // Opens the target. job.input and job's options are set; heal_from is a LOCATION, or empty.
  static Result<RestoreRun> open(RestoreJob job, RestoreTarget target, const std::string& heal_from);

  // What is read before the target is touched, for who waits; empty: nothing.
  std::string reads_first() const;
  // Reads it. kDamaged: the target is as it was.
  Status check_first();
  // Restores and commits. An error's hint says how far a target in place is overwritten, or how another run goes on.
  Result<RestoreDone> run();
  // For a signal, while run() runs; any thread. Saves what another run goes on with. Empty where nothing is overwritten
  // and nothing kept.
  std::string how_far() const;

 private:
  RestoreRun(RestoreJob job, RestoreTarget target) : job_(std::move(job)), target_(std::move(target)) {}
  bool checks_first() const;

  RestoreJob job_;
  RestoreTarget target_;
  TargetKind kind_{};
  std::unique_ptr<FileSink> sink_;
  ResumingFileSink* resuming_ = nullptr;  // the same, if it is one
};

// The snapshot itself, made whole again, into the new file target.path; nothing appears there unless it is what it was.
Result<RestoreDone> heal_to(const RestoreJob&, const RestoreTarget& target, const std::string& heal_from);

}  // namespace hx
