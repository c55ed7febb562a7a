#pragma once
// Snapshots in files into one: what hx-snap-merge does, but for its options.

#include <string>
#include <vector>

#include "base/result.h"
#include "io/progress.h"
#include "snapshot/mirn_format.h"

namespace hx {

struct MergeRequest {
  std::vector<std::string> layers;  // oldest first; without a full one they become a delta
  std::string output;
  uint32_t version = mirn::kVersion2;  // kVersion: all is decoded, hashed and packed again
  int level = 3, threads = 2;
  bool force = false;  // replace the output
  std::string created_by, timestamp;
  Progress* progress = nullptr;
};
struct MergeReport {
  std::string text, receipt;  // for people; a line of JSON
};

// The output appears when it is complete. kRefused: what is no chain, and an output that is one of the layers.
Result<MergeReport> merge_files(const MergeRequest&);

}  // namespace hx
