#pragma once
// What changed on a source since a point that it gave a token for, decided before the first byte is read.

#include <string>
#include <vector>

#include "transfer/fetch_plan.h"

namespace hx {

// A point that changes are asked for since.
struct Baseline {
  std::string token;       // the change token that the source gave for it
  std::string state = {};  // of the snapshot that has it; empty: the token's own
  // It is in a sealed file, so that the source may let go of what only older points need.
  bool is_sealed = false;
};

struct ChangesRequest {
  std::string location;
  LocationOptions options;
  std::vector<Baseline> since;  // one a disk
  std::string name = {};        // instead of the disk's own; of one disk only
  // Whoever tells no sink the new token begins no point.
  NextPoint next = NextPoint::kBegin;
};

// Deltas, in the order of the baselines; fetch_source() reads them. kFullRequired with the reason: the source does not
// know what changed (providers/provider_list.h).
Result<std::vector<DiskToFetch>> plan_changes(ChangesRequest);

}  // namespace hx
