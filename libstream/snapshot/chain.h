#pragma once
// A full snapshot and the deltas on it, oldest first, as the disk that they make.

#include <memory>
#include <string>
#include <vector>

#include "snapshot/entry_cursor.h"

namespace hx {

// What a layer says of itself, and of what must be below it.
struct LayerIdentity {
  std::string name;  // for messages
  DiskKind kind = DiskKind::kFull;
  uint64_t size = 0;
  uint32_t chunk_size = 0;  // 0: it has none
  std::string state, parent_state, change_token, parent_change_token;
};
LayerIdentity identity_of(std::string name, const SnapshotHeader&);

enum class ChainBase : uint8_t { kFull, kNone };  // kNone: deltas only, to be merged
// Whether they are a chain in this order: kRefused says which layer does not fit and why; the reason is one of
// "delta-alone", "not-a-delta", "layer-order", "layer-missing", "size-differs", "chunk-size-differs", "token-differs".
Status check_chain(const std::vector<LayerIdentity>&, ChainBase);

struct ChainLayer {
  LayerIdentity identity;
  std::shared_ptr<const DiskReader> disk;
  std::shared_ptr<const SnapshotReader> snapshot;  // the same; null: a base without an index
};

// Any thread. What read_at() gives was checked as SnapshotReader does; and where a delta has the digest of a chunk as
// it is with it, the chunk that the layers make against that. Of deltas alone: what none says reads as zeros, and is
// absent in the map.
class Chain : public DiskReader {
 public:
  static Result<std::shared_ptr<const Chain>> open(std::vector<ChainLayer>, ChainBase = ChainBase::kFull);

  const std::vector<ChainLayer>& layers() const { return layers_; }
  uint32_t chunk_size() const { return chunk_size_; }
  // Of all layers, as SnapshotReader::verify_index(); and the tree that their leaves make against the one that the
  // newest delta says, where all of it is known.
  Status verify_index() const;
  // Identity of the disk's digest tree, where all leaves are known.
  Result<std::optional<Digest>> tree() const;
  // What the newest layer that says anything of a chunk knows of it.
  std::unique_ptr<ChunkLeaves> leaves() const;
  Range chunk_at(uint64_t offset) const;

  const DiskInfo& info() const override { return info_; }
  const std::string& name() const override { return name_; }
  uint64_t grain() const override { return chunk_size_; }
  Result<ExtentList> map(uint64_t from, uint64_t to) const override;
  Status read_at(uint64_t offset, MutableByteSpan out) const override;
  Status check_unchanged() const override;

 private:
  explicit Chain(std::vector<ChainLayer>);
  Status read_in_chunk(uint64_t offset, MutableByteSpan out) const;
  Status check_result(size_t layer, uint64_t offset, ByteSpan chunk) const;

  const std::vector<ChainLayer> layers_;
  std::string name_;
  DiskInfo info_;
  uint32_t chunk_size_ = 0;
};

// Of a digest tree whose leaves are these; nullopt: some are not known.
Result<std::optional<Digest>> tree_of(ChunkLeaves&, uint64_t size, uint32_t chunk_size);

}  // namespace hx
