#pragma once
// Whether the next export of a machine can be an increment: the same for all providers.

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "tracking/export_metadata.h"

namespace hx {

// A machine now.
struct TrackedMachine {
  bool cbt_enabled = false;
  std::vector<TrackedDisk> disks;
  // What the provider itself says against an increment since the previous export, as a reason code: "bitmap-missing".
  std::string provider_reason = {}, provider_text = {};
};

struct DecisionRules {
  std::chrono::seconds max_age = std::chrono::hours(7 * 24);
  bool force_full = false;
};

struct Decision {
  bool can_incremental = false;
  bool full_recommended = false;  // possible, but the baseline is old
  // "cbt-disabled", "no-baseline", "topology-changed", "baseline-without-cbt", the provider's; "baseline-old",
  // "forced"; "possible".
  std::string code;
  std::string text;  // for people
};

Decision decide(const TrackedMachine&, const std::optional<ExportMetadata>& previous,
                std::chrono::system_clock::time_point now, const DecisionRules& = {});

}  // namespace hx
