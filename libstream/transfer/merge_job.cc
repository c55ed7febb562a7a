#include "transfer/merge_job.h"

#include <sys/stat.h>

#include "base/json.h"
#include "base/size_text.h"
#include "io/atomic_file.h"
#include "snapshot/merge.h"
#include "snapshot/snapshot_sink.h"
#include "transfer/chain_input.h"
#include "transfer/pack_sink.h"

namespace hx {
namespace {

Result<MergeOutcome> merge_to_version_1(const std::shared_ptr<const Chain>& chain, const MergeRequest& request,
                                        SnapshotOutput& output, DiskProgress* progress) {
  if (chain->info().kind == DiskKind::kDelta)
    return unsupported(chain->name() + ": a delta has no version 1").with_hint("--format v2");
  HX_TRY(chain->verify_index());
  PackOptions options;
  options.level = request.level;
  options.threads = request.threads;
  options.chunk_size = chain->chunk_size();
  options.created_by = request.created_by;
  options.timestamp = request.timestamp;
  const auto& base = chain->layers().front().snapshot;
  options.filesystem = base ? base->header().filesystem : "";
  const auto sink = snapshot_sink(output, options);
  const ExtentList map = HX_TRY(chain->map(0, chain->info().size));
  HX_TRY(sink->put_disk(*chain, map, progress, nullptr));
  HX_TRY(sink->commit());
  MergeOutcome outcome;
  outcome.totals = sink->totals();
  return outcome;
}

std::string receipt_of(const MergeRequest& request, const Chain& chain, const MergeOutcome& outcome) {
  const PackTotals& t = outcome.totals;
  Json layers = Json::array();
  for (const ChainLayer& layer : chain.layers()) layers.push_back(layer.identity.name);
  const Json json = {{"type", "receipt"},
                     {"tool", "hx-snap-merge"},
                     {"target", request.output},
                     {"layers", layers},
                     {"kind", t.kind == DiskKind::kDelta ? "delta" : "full"},
                     {"size", t.size},
                     {"data_bytes", t.data_bytes},
                     {"zero_bytes", t.zero_bytes},
                     {"snapshot_bytes", t.file_bytes},
                     {"state", t.state},
                     {"parent_state", t.parent_state.empty() ? Json() : Json(t.parent_state)},
                     {"tree", t.tree.hex()},
                     {"chunks_copied", outcome.copied},
                     {"chunks_packed", outcome.packed}};
  return dump_json(json) + "\n";
}

}  // namespace

Result<MergeReport> merge_files(const MergeRequest& request) {
  std::vector<std::unique_ptr<SnapshotInput>> inputs;
  for (const std::string& path : request.layers) inputs.push_back(HX_TRY(SnapshotInput::open(path)));
  struct stat st;
  const bool exists = stat(request.output.c_str(), &st) == 0;
  for (const auto& input : inputs)
    if (exists && input->is_same_file(st)) return refused(request.output + ": is one of the layers");
  const bool has_base = inputs.front()->kind() == InputKind::kStream || !inputs.front()->header().hx ||
                        inputs.front()->header().hx->kind == DiskKind::kFull || request.version == mirn::kVersion;
  const auto chain = HX_TRY(open_chain(inputs, {.base = has_base ? ChainBase::kFull : ChainBase::kNone}));

  AtomicFile file = HX_TRY(AtomicFile::open(request.output, request.force ? Overwrite::kReplace : Overwrite::kRefuse));
  const auto output = HX_TRY(rewriting_output(file.fd(), request.output));
  DiskProgress* progress =
      request.progress ? &request.progress->add_disk(chain->info().name, chain->info().size) : nullptr;
  MergeOptions options{request.level, request.threads, request.created_by, request.timestamp, progress};
  const MergeOutcome outcome = request.version == mirn::kVersion
                                   ? HX_TRY(merge_to_version_1(chain, request, *output, progress))
                                   : HX_TRY(merge_layers(*chain, *output, options));
  if (progress) progress->finished = true;
  HX_TRY(file.commit());
  MergeReport report;
  report.text = request.output + ": " + std::to_string(chain->layers().size()) + " layers, " +
                format_size(outcome.totals.data_bytes) + " of data in " + format_size(outcome.totals.file_bytes) +
                ", " + std::to_string(outcome.copied) + " chunks as they were, " + std::to_string(outcome.packed) +
                " packed again";
  report.receipt = receipt_of(request, *chain, outcome);
  return report;
}

}  // namespace hx
