#pragma once
// Who uses a checkpoint that no lock file guards: one in an object store. It says so in its metadata, under "claim",
// and each save renews it; a run that ends takes it out.

#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace hx {

struct RunClaim {
  std::string program, host;
  std::string kernel;  // what the process number means something in: this boot, this PID namespace
  uint64_t pid = 0;
  std::chrono::system_clock::time_point started, until;  // until: by then it is renewed, or the run is dead
  std::string run;                                       // random: no two runs ever write the same bytes
  // As LockFile has it: "hx-export, process 4711 on backup since 2026-01-31T23:59:59.123Z".
  std::string holder() const;
};

// This process's, until now.
RunClaim claim_of_this_run(const Clock&);
// Whether its run may still live. Not after `until`, by this host's clock; of a process of this kernel it is known.
bool may_live(const RunClaim&, const Clock&);

// Into a checkpoint's text, and out of it. kDamaged: it is no checkpoint.
Result<std::string> with_claim(std::string_view sidecar_text, const RunClaim&);
Result<std::string> without_claim(std::string_view sidecar_text);
// nullopt: nobody's, or no checkpoint.
std::optional<RunClaim> claim_in(std::string_view sidecar_text);

}  // namespace hx
