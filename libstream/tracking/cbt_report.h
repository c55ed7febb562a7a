#pragma once
// What hx-cbt(1) says of a machine's change tracking, as JSON and as text.

#include <optional>
#include <string>

#include "base/json_fwd.h"
#include "providers/change_tracking.h"
#include "tracking/decision.h"

namespace hx {

// What the provider says, in the words of the decision. The reason of one disk counts for the machine.
TrackedMachine tracked_machine(const MachineTracking&);

struct CbtReport {
  std::string location;
  MachineTracking machine;
  std::optional<ExportMetadata> previous;
  Decision decision;

  uint64_t total_bytes() const;
  // What an increment would read at most; nullopt where it is not possible.
  std::optional<uint64_t> changed_bytes() const;
  // At the rate of the previous export; nullopt: not known.
  std::optional<double> seconds() const;
};

Json status_to_json(const CbtReport&);
Json analysis_to_json(const CbtReport&);
std::string format_status(const CbtReport&);
std::string format_analysis(const CbtReport&);

}  // namespace hx
