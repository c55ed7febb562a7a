#pragma once
// One chunk of two states, compared.

#include <vector>

#include "snapshot/diff_source.h"

namespace hx {

struct DiffJob {
  Range chunk;
  ChunkLeaf before, after;  // what is known of it; kAbsent: nothing
};

struct DiffedChunk {
  Range chunk;
  std::vector<Extent> changes;  // none: it did not change
  ChunkLeaf after;              // what is known of it now
  bool is_whole = false;        // changes are the whole chunk, as one extent: its digest follows from it
};

// Compares by what is known, and reads only what that leaves open. Any thread; one object a thread.
class ChunkComparison {
 public:
  // All outlive this object.
  ChunkComparison(const DiskReader& before, const DiskReader& after, const DiffOptions& options, BufferPool& pool)
      : before_(before), after_(after), options_(options), pool_(pool) {}
  Result<DiffedChunk> compare(const DiffJob&);

 private:
  bool wants_data() const { return options_.content == DiffContent::kFull; }
  Result<Buffer> read_after(const Range& chunk) const;
  Status read_before(const Range& chunk);
  Result<bool> differs(const DiffJob&, DiffedChunk&, Buffer& content);
  Status add_changes(const DiffJob&, DiffedChunk&, Buffer& content);

  const DiskReader &before_, &after_;
  const DiffOptions& options_;
  BufferPool& pool_;
  std::vector<std::byte> old_;
  bool has_old_ = false;  // of this chunk
};

}  // namespace hx
