#pragma once
// The index of a snapshot from its beginning to its end, and what it knows of each chunk without reading it.

#include <memory>

#include "snapshot/snapshot_reader.h"

namespace hx {

// Asked for ascending places. Holds one page. One thread.
class EntryCursor {
 public:
  explicit EntryCursor(std::shared_ptr<const SnapshotReader> snapshot) : snapshot_(std::move(snapshot)) {}
  // The first entry that ends behind this byte of the image; null: there is none. Valid until the next call.
  Result<const FrameEntry*> at_or_behind(uint64_t offset);
  const SnapshotReader& snapshot() const { return *snapshot_; }

 private:
  const std::shared_ptr<const SnapshotReader> snapshot_;
  std::shared_ptr<const IndexPage> page_;
  size_t next_page_ = 0, entry_ = 0;
};

// What an index says of a whole chunk of the grid.
struct ChunkLeaf {
  enum class Known : uint8_t {
    kAbsent,   // a delta says nothing of it
    kUnknown,  // it must be read
    kZero,
    kLeaf,
  };
  Known known = Known::kUnknown;
  Digest leaf = {};
  bool operator==(const ChunkLeaf&) const = default;
};
ChunkLeaf leaf_of(const FrameEntry*, const Range& chunk, const IndexShape&);

// Chunk after chunk, ascending. One thread.
class ChunkLeaves {
 public:
  virtual ~ChunkLeaves() = default;
  virtual Result<ChunkLeaf> at(uint64_t chunk_number) = 0;
};

}  // namespace hx
