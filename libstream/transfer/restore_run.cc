#include "transfer/restore_run.h"

#include "base/size_text.h"
#include "io/atomic_file.h"
#include "providers/provider_list.h"
#include "snapshot/heal.h"
#include "transfer/restore_report.h"
#include "transfer/salvage_job.h"

namespace hx {
namespace {

Result<std::shared_ptr<DiskReader>> open_donor(const std::string& location) {
  if (location.empty()) return std::shared_ptr<DiskReader>();
  // In use or not: what is taken from it has the right digest.
  auto disks = HX_TRY(open_location(location, {.in_use = InUse::kAllow}));
  if (disks.size() != 1) return usage_error(location + ": stands for several disks");
  return std::move(disks.front().reader);
}

}  // namespace

Result<RestoreRun> RestoreRun::open(RestoreJob job, RestoreTarget target, const std::string& heal_from) {
  RestoreRun run(std::move(job), std::move(target));
  run.kind_ = HX_TRY(kind_of_target(run.target_, *run.job_.input));
  // Before the target, which may be the same disk.
  run.job_.heal_from = HX_TRY(open_donor(heal_from));
  if (run.target_.resume) {
    auto sink = HX_TRY(open_resuming_target(run.target_, run.kind_, run.job_));
    run.resuming_ = sink.get();
    run.sink_ = std::move(sink);
  } else {
    run.sink_ = HX_TRY(open_target(run.target_, run.kind_, run.job_));
  }
  if (makes_whole_disk(run.kind_)) run.job_.parts = Parts::kRefuse;
  return run;
}

// Whatever does not exist twice is not touched before its replacement is known to be good. Where an earlier run has
// touched it, that has been done.
bool RestoreRun::checks_first() const {
  if (resuming_ && !resuming_->done().empty()) return false;
  return is_overwritten(kind_) && job_.input->is_file() && job_.damage != OnDamage::kSalvage;
}

std::string RestoreRun::reads_first() const {
  if (!checks_first()) return "";
  return "reading " + (target_.only_differences ? target_.path + ", and " : "all of ") + job_.input->name() +
         " before " + target_.path + " is touched";
}

Status RestoreRun::check_first() { return checks_first() ? check_before(job_) : Status(); }

Result<RestoreDone> RestoreRun::run() {
  auto outcome = restore(job_, *sink_);
  Status status = outcome ? sink_->commit() : Status(std::move(outcome).error());
  const SinkCounts counts = sink_->counts();
  if (!status) {
    Error error = std::move(status).error();
    if (resuming_) resuming_->abort(error);
    const std::string kept = resuming_ ? resuming_->how_to_go_on() : "";
    if (!kept.empty())
      error.hint += (error.hint.empty() ? "" : "; ") + kept;
    else if (counts.written + counts.zeroed > 0 && is_overwritten(kind_))
      error.hint = hx::how_far(target_, *sink_);
    return error;
  }
  RestoreDone done;
  done.text = format_counts(target_.path, counts, *outcome);
  done.receipt = restore_receipt(*job_.input, target_.path, *outcome, counts);
  if (!job_.salvage_map.empty())
    HX_TRY(write_salvage_map(job_.salvage_map, target_.force ? Overwrite::kReplace : Overwrite::kRefuse, *outcome));
  done.status = judge_salvaged(job_.input->name(), *outcome);
  return done;
}

std::string RestoreRun::how_far() const {
  const std::string kept = resuming_ ? resuming_->save_and_tell() : "";
  if (!kept.empty()) return kept;
  return is_overwritten(kind_) ? hx::how_far(target_, *sink_) : std::string();
}

Result<RestoreDone> heal_to(const RestoreJob& job, const RestoreTarget& target, const std::string& heal_from) {
  if (!job.input->is_file() || job.input->kind() != InputKind::kIndexed)
    return unsupported(job.input->name() + ": only a snapshot with an index, in a file, can be made whole again");
  const auto donor = HX_TRY(open_donor(heal_from));
  AtomicFile file = HX_TRY(AtomicFile::open(target.path, target.force ? Overwrite::kReplace : Overwrite::kRefuse));
  const HealOutcome outcome = HX_TRY(heal_snapshot(job.input->file(), donor.get(), file.fd(), target.path));
  if (!outcome.lost.empty())
    return damaged(format_lost(job.input->name(), outcome.lost))
        .with_hint("--heal-from names a disk that still has these; or restore the disk itself with --salvage");
  HX_TRY(file.commit());
  RestoreDone done;
  done.text = target.path + ": " + format_size(outcome.bytes) + ", as it was: " + std::to_string(outcome.frames_made) +
              " chunks and " + std::to_string(outcome.pages_made) + " index pages made anew";
  done.receipt = heal_receipt(*job.input, target.path, outcome);
  return done;
}

}  // namespace hx
