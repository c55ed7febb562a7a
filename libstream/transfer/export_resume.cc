#include "transfer/export_resume.h"

namespace hx {
namespace {

Error changed(const std::string& path, const std::string& how) {
  return source_changed(path + ": the source changed since the checkpoint: " + how)
      .with_reason("source-changed")
      .with_hint("what was fetched is kept; --restart begins anew");
}

std::string said(const Validator& validator) {
  return validator.kind == ValidatorKind::kNone ? "nothing that proves its state" : validator.text();
}

}  // namespace

Status check_identity(const FileCheckpoint& old, const Digest& now) {
  if (!old.source.identity || *old.source.identity == now) return {};
  return changed(old.path, "it was begun from " + old.source.location);
}

Status check_state(const FileCheckpoint& old, const SourceState& now) {
  if (old.total_size && now.size && *old.total_size != *now.size)
    return changed(old.path,
                   "it had " + std::to_string(*old.total_size) + " bytes, and has " + std::to_string(*now.size));
  if (old.validator.kind != ValidatorKind::kNone && !old.validator.proves_same(now.validator))
    return changed(old.path, "it said " + said(old.validator) + ", and says " + said(now.validator));
  return {};
}

Result<ResumeDecision> decide_resume(const FileCheckpoint& old, const FileFinding& finding, const SourceState& now) {
  using Step = ResumeDecision::Step;
  if (old.ranges.empty() && old.status != FileStatus::kCompleted) return ResumeDecision{Step::kAnew, ""};
  HX_TRY(check_identity(old, now.identity));
  if (!finding.holds) return ResumeDecision{Step::kAnew, finding.message};
  if (finding.is_whole) return ResumeDecision{Step::kWhole, ""};
  if (old.validator.kind == ValidatorKind::kNone)
    return ResumeDecision{Step::kAnew, "nothing proves that the source is still the same"};
  HX_TRY(check_state(old, now));
  return ResumeDecision{Step::kContinue, ""};
}

}  // namespace hx
