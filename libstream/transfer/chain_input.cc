#include "transfer/chain_input.h"

#include "snapshot/spooled_disk.h"

namespace hx {
namespace {

Result<ChainLayer> layer_of(SnapshotInput& input, const ChainOptions& options) {
  ChainLayer layer;
  if (input.kind() == InputKind::kIndexed && input.is_file()) {
    const std::shared_ptr<const SnapshotReader> reader = HX_TRY(input.open_indexed());
    layer.identity = identity_of(input.name(), input.header());
    layer.disk = layer.snapshot = reader;
    return layer;
  }
  if (input.kind() == InputKind::kIndexed && input.header().hx->kind == DiskKind::kDelta)
    return unsupported(input.name() + ": a delta of a chain must be a file");
  const auto source = HX_TRY(input.open_source(1));
  const auto disk = HX_TRY(spool_disk(*source, input.name(), options.spool_directory));
  layer.disk = disk;
  if (input.kind() == InputKind::kStream) {
    layer.identity.name = input.name();
    layer.identity.state = disk->info().state;
    layer.identity.change_token = disk->info().change_token;
  } else {
    layer.identity = identity_of(input.name(), input.header());
  }
  layer.identity.size = disk->info().size;
  return layer;
}

}  // namespace

Result<std::shared_ptr<const Chain>> open_chain(const std::vector<std::unique_ptr<SnapshotInput>>& inputs,
                                                const ChainOptions& options) {
  // What the headers say comes first: decoding a base can take long.
  std::vector<LayerIdentity> identities;
  for (const auto& input : inputs)
    if (input->kind() != InputKind::kStream) identities.push_back(identity_of(input->name(), input->header()));
  if (identities.size() == inputs.size()) HX_TRY(check_chain(identities, options.base));
  std::vector<ChainLayer> layers;
  for (const auto& input : inputs) layers.push_back(HX_TRY(layer_of(*input, options)));
  return Chain::open(std::move(layers), options.base);
}

Status refuse_delta_alone(const SnapshotInput& input) {
  if (input.kind() != InputKind::kIndexed || !input.has_header()) return {};
  return check_chain({identity_of(input.name(), input.header())}, ChainBase::kFull);
}

Result<DeltaParent> read_delta_parent(const std::string& path) {
  const auto input = HX_TRY(SnapshotInput::open(path));
  if (input->kind() == InputKind::kStream)
    return unsupported(path + ": an extent stream: the parent of a delta is a snapshot");
  const LayerIdentity identity = identity_of(input->name(), input->header());
  return DeltaParent{path, identity.state, identity.change_token, identity.size, identity.chunk_size};
}

}  // namespace hx
