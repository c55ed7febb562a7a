#pragma once
// What hx-cbt-diff compares: two states of a disk, each a chain of snapshots, a stream, or what a LOCATION names.

#include <string>
#include <vector>

#include "providers/provider_list.h"
#include "snapshot/diff_source.h"
#include "transfer/chain_input.h"

namespace hx {

struct DiffRequest {
  std::vector<std::string> base;      // layers of the old state, oldest first
  std::vector<std::string> operands;  // of the new state; without a base the old one and the new one
  LocationOptions location;
  std::optional<ExtentList> extents;  // only where it says data or zero anything can have changed
  std::optional<uint64_t> granularity;
  int threads = 2;
  DiffContent content = DiffContent::kFull;
};

// Opens both and compares nothing yet. What ends in .mirn is a snapshot, in .stream a stream, anything else a LOCATION:
// the content of a disk is never asked what it is. kUsage: not two states.
Result<std::unique_ptr<ExtentSource>> open_diff(const DiffRequest&);

}  // namespace hx
