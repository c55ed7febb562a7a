#include "transfer/changes_plan.h"

#include <algorithm>

namespace hx {

Result<std::vector<DiskToFetch>> plan_changes(ChangesRequest request) {
  if (request.since.empty()) return bug(request.location + ": changes since nothing");
  FetchRequest fetch;
  fetch.locations = {request.location};
  fetch.location = std::move(request.options);
  fetch.name = std::move(request.name);
  TrackingOptions& tracking = fetch.location.tracking;
  tracking.next = request.next;
  tracking.since_is_sealed = std::ranges::all_of(request.since, &Baseline::is_sealed);
  for (const Baseline& baseline : request.since) {
    if (baseline.token.empty())
      return Error{ErrorKind::kFullRequired, request.location + ": the base has no change token", "",
                   "baseline-without-cbt"};
    tracking.since.push_back(baseline.token);
  }
  std::vector<DiskToFetch> disks = HX_TRY(plan_fetch(std::move(fetch)));
  for (size_t i = 0; i < disks.size(); ++i) disks[i].parent_state = std::move(request.since[i].state);
  return disks;
}

}  // namespace hx
