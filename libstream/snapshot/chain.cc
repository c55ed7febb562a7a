#include "snapshot/chain.h"

#include <algorithm>

#include "base/checked_math.h"
#include "extent/extent_algebra.h"
#include "hash/digest_tree.h"

namespace hx {
namespace {

Error misfit(std::string message, const char* reason) { return refused(std::move(message)).with_reason(reason); }

// Why `layer` does not build on the one below it.
Error wrong_parent(const std::vector<LayerIdentity>& layers, size_t number) {
  const LayerIdentity &layer = layers[number], &below = layers[number - 1];
  const std::string wants = layer.name + ": builds on the state " + layer.parent_state + ", ";
  for (const LayerIdentity& other : layers)
    if (other.state == layer.parent_state && other.state != layer.state)
      return misfit(wants + "which is that of " + other.name + ": the order is wrong", "layer-order")
          .with_hint("the full snapshot comes first, then the deltas, oldest first");
  return misfit(wants + "and " + below.name + " is of " + below.state + ": another disk's, or a layer is missing",
                "layer-missing");
}

Status check_pair(const std::vector<LayerIdentity>& layers, size_t number) {
  const LayerIdentity &layer = layers[number], &below = layers[number - 1];
  if (layer.kind != DiskKind::kDelta)
    return misfit(layer.name + ": is a whole disk, not a delta on " + below.name, "not-a-delta");
  if (layer.parent_state != below.state) return wrong_parent(layers, number);
  if (layer.size != below.size)
    return misfit(layer.name + ": has a disk of " + std::to_string(layer.size) + " bytes, " + below.name + " one of " +
                      std::to_string(below.size),
                  "size-differs");
  const bool has_both = !layer.parent_change_token.empty() && !below.change_token.empty();
  if (has_both && layer.parent_change_token != below.change_token)
    return misfit(layer.name + ": was made from the change token " + layer.parent_change_token + ", " + below.name +
                      " has " + below.change_token,
                  "token-differs");
  if (below.chunk_size > 0 && layer.chunk_size != below.chunk_size)
    return misfit(layer.name + ": has chunks of " + std::to_string(layer.chunk_size) + " bytes, " + below.name +
                      " of " + std::to_string(below.chunk_size),
                  "chunk-size-differs");
  return {};
}

class MergedLeaves : public ChunkLeaves {
 public:
  MergedLeaves(const Chain& chain) : chain_(chain) {
    for (const ChainLayer& layer : chain.layers())
      if (layer.snapshot) cursors_.emplace_back(layer.snapshot);
  }
  Result<ChunkLeaf> at(uint64_t number) override {
    const Range chunk = chain_.chunk_at(number * chain_.chunk_size());
    for (auto cursor = cursors_.rbegin(); cursor != cursors_.rend(); ++cursor) {
      const ChunkLeaf leaf = leaf_of(HX_TRY(cursor->at_or_behind(chunk.offset)), chunk, cursor->snapshot().shape());
      if (leaf.known != ChunkLeaf::Known::kAbsent) return leaf;
    }
    const bool has_plain_base = cursors_.size() < chain_.layers().size();
    return ChunkLeaf{has_plain_base ? ChunkLeaf::Known::kUnknown : ChunkLeaf::Known::kAbsent};
  }

 private:
  const Chain& chain_;
  std::vector<EntryCursor> cursors_;
};

}  // namespace

LayerIdentity identity_of(std::string name, const SnapshotHeader& header) {
  LayerIdentity identity;
  identity.name = std::move(name);
  identity.size = header.size;
  identity.state = state_of(header);
  if (!header.hx) return identity;
  identity.kind = header.hx->kind;
  identity.chunk_size = header.hx->chunk_size;
  identity.parent_state = header.hx->parent_state;
  identity.change_token = header.hx->change_token;
  identity.parent_change_token = header.hx->parent_change_token;
  return identity;
}

Status check_chain(const std::vector<LayerIdentity>& layers, ChainBase base) {
  if (layers.empty()) return usage_error("a chain without layers");
  const bool is_delta = layers.front().kind == DiskKind::kDelta;
  if (is_delta && base == ChainBase::kFull) {
    const auto full = std::ranges::find(layers, DiskKind::kFull, &LayerIdentity::kind);
    if (full != layers.end())
      return misfit(layers.front().name + ": is a delta, and before " + full->name + ": the order is wrong",
                    "layer-order")
          .with_hint("the full snapshot comes first, then the deltas, oldest first");
    return misfit(layers.front().name + ": is a delta: alone it is no disk", "delta-alone")
        .with_hint("name the snapshot with the state " + layers.front().parent_state + " before it");
  }
  for (size_t i = 1; i < layers.size(); ++i) HX_TRY(check_pair(layers, i));
  return {};
}

Result<std::shared_ptr<const Chain>> Chain::open(std::vector<ChainLayer> layers, ChainBase base) {
  std::vector<LayerIdentity> identities;
  for (const ChainLayer& layer : layers) identities.push_back(layer.identity);
  HX_TRY(check_chain(identities, base));
  for (size_t i = 1; i < layers.size(); ++i)
    if (!layers[i].snapshot) return bug(layers[i].identity.name + ": a delta without an index");
  return std::shared_ptr<const Chain>(new Chain(std::move(layers)));
}

Chain::Chain(std::vector<ChainLayer> layers) : layers_(std::move(layers)) {
  const LayerIdentity &oldest = layers_.front().identity, &newest = layers_.back().identity;
  name_ = newest.name;
  chunk_size_ = newest.chunk_size > 0 ? newest.chunk_size : static_cast<uint32_t>(mirn::kDefaultChunkSize);
  info_ = layers_.back().disk->info();
  info_.kind = oldest.kind;
  info_.state = newest.state;
  info_.parent_state = oldest.parent_state;
  info_.parent_change_token = oldest.parent_change_token;
  if (info_.kind == DiskKind::kFull) info_.chunk_size = 0;
}

Range Chain::chunk_at(uint64_t offset) const {
  const uint64_t begin = align_down(offset, chunk_size_);
  return {begin, std::min<uint64_t>(chunk_size_, info_.size - begin)};
}

Status Chain::verify_index() const {
  for (const ChainLayer& layer : layers_)
    if (layer.snapshot) HX_TRY(layer.snapshot->verify_index());
  const SnapshotReader* newest = layers_.back().snapshot.get();
  if (info_.kind != DiskKind::kFull || !newest || !newest->directory().result) return {};
  const std::optional<Digest> made = HX_TRY(tree());
  if (!made || *made == *newest->directory().result) return {};
  return damaged(name_ + ": the layers do not make the disk that it was made of: one below is not what it was");
}

Result<std::optional<Digest>> Chain::tree() const { return tree_of(*leaves(), info_.size, chunk_size_); }

std::unique_ptr<ChunkLeaves> Chain::leaves() const { return std::make_unique<MergedLeaves>(*this); }

Result<ExtentList> Chain::map(uint64_t from, uint64_t to) const {
  ExtentList made = HX_TRY(layers_.front().disk->map(from, to));
  for (size_t i = 1; i < layers_.size(); ++i) made = overlay(made, HX_TRY(layers_[i].disk->map(from, to)));
  return made;
}

Status Chain::read_at(uint64_t offset, MutableByteSpan out) const {
  if (!fits_within(offset, out.size(), info_.size)) return bug(name_ + ": a read behind the disk's end");
  while (!out.empty()) {
    const uint64_t length = std::min<uint64_t>(out.size(), chunk_at(offset).end() - offset);
    HX_TRY(read_in_chunk(offset, out.first(length)));
    offset += length;
    out = out.subspan(length);
  }
  return {};
}

// From the newest layer down to where nothing is missing any more; then each that has something lays it over.
Status Chain::read_in_chunk(uint64_t offset, MutableByteSpan out) const {
  const uint64_t end = offset + out.size();
  RangeSet missing = {{offset, out.size()}};
  std::vector<size_t> used;  // the newest first
  size_t i = layers_.size();
  while (i-- > 1 && !missing.empty()) {
    const ExtentList said = HX_TRY(layers_[i].disk->map(offset, end));
    RangeSet rest = subtract(missing, unite(ranges_of(said, Kind::kData), ranges_of(said, Kind::kZero)));
    if (rest == missing) continue;
    missing = std::move(rest);
    used.push_back(i);
  }
  const bool needs_base = !missing.empty();
  if (used.size() == 1 && !needs_base) {
    HX_TRY(layers_[used.front()].disk->read_at(offset, out));
  } else {
    if (needs_base && info_.kind == DiskKind::kFull)
      HX_TRY(layers_.front().disk->read_at(offset, out));
    else
      std::ranges::fill(out, std::byte{0});
    if (needs_base && info_.kind == DiskKind::kDelta) HX_TRY(layers_.front().snapshot->overlay(offset, out));
    for (auto layer = used.rbegin(); layer != used.rend(); ++layer)
      HX_TRY(layers_[*layer].snapshot->overlay(offset, out));
  }
  const bool is_whole_chunk = chunk_at(offset) == Range{offset, out.size()};
  if (used.empty() || !is_whole_chunk || info_.kind != DiskKind::kFull) return {};
  return check_result(used.front(), offset, out);
}

Status Chain::check_result(size_t layer, uint64_t offset, ByteSpan chunk) const {
  std::shared_ptr<const IndexPage> page;
  const FrameEntry* const entry = HX_TRY(layers_[layer].snapshot->entry_at(offset, page));
  if (!entry || !entry->result || Sha256::of(chunk) == *entry->result) return {};
  return damaged(layers_[layer].identity.name + ": the chunk at disk offset " + std::to_string(offset) +
                 " does not match its digest: a layer below is not what it was");
}

Status Chain::check_unchanged() const {
  for (const ChainLayer& layer : layers_) HX_TRY(layer.disk->check_unchanged());
  return {};
}

Result<std::optional<Digest>> tree_of(ChunkLeaves& leaves, uint64_t size, uint32_t chunk_size) {
  DigestTree tree(chunk_size);
  uint64_t zeros = 0;  // chunks, whole ones
  for (uint64_t number = 0; number < divide_round_up(size, chunk_size); ++number) {
    const ChunkLeaf leaf = HX_TRY(leaves.at(number));
    const uint64_t length = std::min<uint64_t>(chunk_size, size - number * chunk_size);
    if (leaf.known == ChunkLeaf::Known::kZero && length == chunk_size) {
      ++zeros;
      continue;
    }
    tree.add_zero_chunks(std::exchange(zeros, 0));
    if (leaf.known == ChunkLeaf::Known::kZero)
      tree.add(zero_leaf(length));
    else if (leaf.known == ChunkLeaf::Known::kLeaf)
      tree.add(leaf.leaf);
    else
      return std::optional<Digest>();
  }
  tree.add_zero_chunks(zeros);
  return std::optional(tree.identity(size));
}

}  // namespace hx
