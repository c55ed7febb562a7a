#pragma once
// What changed between two states of a disk, as a delta.

#include <functional>
#include <memory>
#include <optional>

#include "extent/disk_reader.h"
#include "extent/extent_algebra.h"
#include "extent/extent_source.h"
#include "snapshot/entry_cursor.h"

namespace hx {

// One of the two.
struct DiffSide {
  std::shared_ptr<const DiskReader> disk;
  // What is known of its chunks without reading them; null: nothing.
  std::function<std::unique_ptr<ChunkLeaves>()> leaves = {};
};

enum class DiffContent : uint8_t {
  kFull,  // data, and digests of the chunks that changed
  kMap,   // only where: data extents are empty, and nothing is read that is not needed for that
};

struct DiffOptions {
  uint32_t chunk_size = 0;  // of the grid on which both are compared, and of both sides' leaves
  // Changes are told in pieces of this size: a power of two of at least 512. At least chunk_size: in whole chunks, so
  // that where digests are known the old state is not read at all.
  uint64_t granularity = 0;
  std::optional<RangeSet> within;  // only here anything can have changed
  int threads = 2;
  DiffContent content = DiffContent::kFull;
};

// A delta with this info (its kind, size and chunk_size are set here). Of both disks at least the sizes are equal. What
// both have as holes is not read; chunks are compared by digest where both have one, the content of one against the
// digest of the other where one has, else by content. Runs of zeros come as zero extents. totals().tree is set where
// all leaves of the new state are known at the end. Before the end both disks have proven that they did not change.
std::unique_ptr<ExtentSource> diff_source(DiffSide before, DiffSide after, DiskInfo info, const DiffOptions&);

}  // namespace hx
