#include "transfer/diff_job.h"

#include <algorithm>

namespace hx {
namespace {

// Where both are read as a whole anyway, smaller pieces cost nothing.
constexpr uint64_t kPiece = 64 * kKiB;

struct State {
  DiffSide side;
  std::string state, change_token, name;
  uint32_t chunk_size = 0;  // of its leaves; 0: it has none
};

bool is_snapshot(const std::string& path) { return path.ends_with(".mirn") || path.ends_with(".stream"); }

Result<State> open_layers(const std::vector<std::string>& paths, const LocationOptions& location) {
  std::vector<std::unique_ptr<SnapshotInput>> inputs;
  for (const std::string& path : paths)
    inputs.push_back(is_remote_file(path) ? HX_TRY(SnapshotInput::open(HX_TRY(open_remote_file(path, location))))
                                          : HX_TRY(SnapshotInput::open(path)));
  const auto chain = HX_TRY(open_chain(inputs));
  HX_TRY(chain->verify_index());
  State state;
  state.side.disk = chain;
  state.state = chain->info().state;
  state.change_token = chain->info().change_token;
  state.name = chain->info().name;
  const LayerIdentity& newest = chain->layers().back().identity;
  if (newest.chunk_size == 0) return state;
  state.chunk_size = newest.chunk_size;
  state.side.leaves = [chain] { return chain->leaves(); };
  return state;
}

Result<State> open_state(const std::vector<std::string>& operands, const LocationOptions& location) {
  if (std::ranges::all_of(operands, is_snapshot)) return open_layers(operands, location);
  if (operands.size() > 1) return usage_error(operands[1] + ": a disk is compared with one other");
  auto disks = HX_TRY(open_location(operands[0], location));
  if (disks.size() != 1) return usage_error(operands[0] + ": stands for several disks");
  State state;
  state.side.disk = std::move(disks.front().reader);
  state.name = disks.front().name;
  return state;
}

}  // namespace

Result<std::unique_ptr<ExtentSource>> open_diff(const DiffRequest& request) {
  const std::vector<std::string>& operands = request.operands;
  if (request.base.empty() && operands.size() != 2)
    return usage_error("two states are compared, and here are " + std::to_string(operands.size()))
        .with_hint("hx-cbt-diff OLD NEW, or --base SNAPSHOT for each layer of the old one");
  const bool has_base = !request.base.empty();
  State before = has_base ? HX_TRY(open_layers(request.base, request.location))
                          : HX_TRY(open_state({operands[0]}, request.location));
  State after = HX_TRY(open_state(has_base ? operands : std::vector{operands[1]}, request.location));

  DiffOptions options;
  // A delta has the chunk size of what it builds on.
  options.chunk_size = before.chunk_size > 0 ? before.chunk_size : static_cast<uint32_t>(mirn::kDefaultChunkSize);
  if (after.chunk_size != options.chunk_size) after.side.leaves = {};
  const bool reads_both = !before.side.leaves && !after.side.leaves;
  options.granularity = request.granularity.value_or(reads_both ? kPiece : options.chunk_size);
  if (request.extents)
    options.within = unite(ranges_of(*request.extents, Kind::kData), ranges_of(*request.extents, Kind::kZero));
  options.threads = request.threads;
  options.content = request.content;

  DiskInfo info = after.side.disk->info();
  info.key = "disk0";
  info.name = after.name.empty() ? "" : to_leaf_name(after.name);
  info.ranges.clear();
  info.files.clear();
  info.state = after.state.empty() ? make_uuid() : after.state;
  info.change_token = after.change_token;
  info.parent_state = before.state;
  info.parent_change_token = before.change_token;
  info.validator.clear();
  info.identity.clear();
  return diff_source(std::move(before.side), std::move(after.side), std::move(info), options);
}

}  // namespace hx
