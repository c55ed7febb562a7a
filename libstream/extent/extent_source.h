#pragma once
#include <memory>

#include "base/result.h"
#include "extent/extent.h"

namespace hx {

// Disks, one after another, each as extents in ascending order that tile the disk's ranges: what a delta does not say
// is an absent extent. Every source passes tests/contract/extent_source_contract.h. One consumer thread.
//   while (info = next_disk()) { while (extent = next()) use(extent); totals(); }
class ExtentSource {
 public:
  virtual ~ExtentSource() = default;
  // The next disk; nullopt when the source is complete *and has proven so* (a stream: its END was read and nothing
  // follows). Call only before the first disk and after next() has returned nullopt.
  virtual Result<std::optional<DiskInfo>> next_disk() = 0;
  // The next extent of this disk; nullopt at its proven end. Data extents obey kMaxPayload and its grid.
  virtual Result<std::optional<Extent>> next() = 0;
  // In a delta, after next(): of chunks that were complete before the extent that next() has just given. Each is given
  // once.
  virtual std::vector<ChunkDigest> take_digests() { return {}; }
  // Of the disk that has just ended.
  virtual DiskTotals totals() const = 0;
};

}  // namespace hx
