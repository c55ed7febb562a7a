#include "transfer/restore_request.h"

namespace hx {
namespace {

Status check_verify_only(const RestoreRequest& r) {
  const bool restores = !r.target.path.empty() || r.target.in_place || r.target.only_differences || r.range;
  if (restores || r.repairs() || r.target.resume)
    return usage_error("--verify-only restores nothing: it goes with --sample, --verify, --jobs and --json");
  if (r.limit_rate) return usage_error("--verify-only knows no --limit-rate");
  if (r.sample_percent && r.verify == Verify::kFull)
    return usage_error("--sample and --verify full exclude each other");
  return {};
}

Status check_resume(const RestoreRequest& r) {
  if (r.target.only_differences)
    return usage_error("--resume: --only-differences finds by itself what is there already, and needs none");
  if (r.range || r.repairs())
    return usage_error("--resume is for a whole disk of a good snapshot: no --range, no --salvage, no --heal-from");
  return {};
}

}  // namespace

Status check_restore_request(const RestoreRequest& r) {
  if (r.verify_only) return check_verify_only(r);
  const std::string& path = r.target.path;
  if (path.empty()) return usage_error("no target").with_hint("-o FILE, -o - for stdout, or --verify-only");
  if (r.sample_percent) return usage_error("--sample goes with --verify-only");
  if (r.repairs() && r.verify == Verify::kFull) return usage_error("--verify full is for what is not damaged");
  if (!r.salvage_map.empty() && (!r.salvage || r.range))
    return usage_error("--salvage-map goes with --salvage, of the whole disk");
  if (r.as_snapshot && (r.salvage || r.target.in_place || r.range || path == "-"))
    return usage_error("--as-snapshot writes a new file, the whole snapshot: no --salvage, --in-place or --range");
  if (r.target.in_place && path == "-") return usage_error("--in-place needs --output FILE");
  return r.target.resume ? check_resume(r) : Status();
}

RestoreJob job_of(const RestoreRequest& r) {
  RestoreJob job;
  job.range = r.range;
  job.verify = r.verify;
  job.threads = r.threads;
  if (r.repairs()) job.damage = r.salvage ? OnDamage::kSalvage : OnDamage::kHeal;
  job.salvage_map = r.salvage_map;
  return job;
}

}  // namespace hx
