#pragma once
// Files that together are one disk: a full snapshot and the deltas on it, oldest first.

#include "snapshot/chain.h"
#include "snapshot/snapshot_sink.h"
#include "transfer/snapshot_input.h"

namespace hx {

struct ChainOptions {
  ChainBase base = ChainBase::kFull;
  std::string spool_directory = "/var/tmp";  // where a base without an index is decoded to
};
// Inputs must outlive nothing: what the chain needs of them it holds. A base may be a snapshot of the original's, or a
// stream in a file or a pipe: it is read as a whole, and so verified. A delta must be a snapshot in a file, of which
// the index is not verified yet. Errors as check_chain().
Result<std::shared_ptr<const Chain>> open_chain(const std::vector<std::unique_ptr<SnapshotInput>>&,
                                                const ChainOptions& = {});

// Whether one input is a delta by itself: kRefused with the reason "delta-alone".
Status refuse_delta_alone(const SnapshotInput&);

// What a delta on this snapshot, or on this last layer of a chain, is to say of its parent: --parent FILE.
Result<DeltaParent> read_delta_parent(const std::string& path);

}  // namespace hx
