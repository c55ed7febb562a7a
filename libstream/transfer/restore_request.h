#pragma once
// What hx-restore is asked for, as a value.

#include "transfer/restore_target.h"

namespace hx {

struct RestoreRequest {
  RestoreTarget target;
  std::string salvage_map, heal_from;  // a file for the map; a LOCATION
  std::optional<Range> range;
  Verify verify = Verify::kTree;
  std::optional<double> sample_percent;  // with verify_only
  std::optional<uint64_t> limit_rate;
  int threads = 2;
  bool salvage = false, as_snapshot = false, verify_only = false;

  bool repairs() const { return salvage || as_snapshot || !heal_from.empty(); }
};

// What cannot be meant: kUsage.
Status check_restore_request(const RestoreRequest&);
// The job of it, without input and pump.
RestoreJob job_of(const RestoreRequest&);

}  // namespace hx
