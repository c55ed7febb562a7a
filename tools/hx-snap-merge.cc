// hx-snap-merge: one snapshot of a chain of them. hx-snap-merge(1).

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/size_text.h"
#include "base/time_text.h"
#include "cli/run_tool.h"
#include "codec/zstd_codec.h"
#include "transfer/merge_job.h"

using namespace hx;

namespace {

struct Options {
  std::vector<std::string> files;
  MergeRequest request;
  bool json = false;
};

ToolSpec describe(Options& to) {
  ToolSpec spec;
  spec.name = "hx-snap-merge";
  spec.sentence = "Makes one snapshot of a full one and its deltas, or one delta of several.";
  spec.examples = {"hx-snap-merge full.mirn monday.mirn tuesday.mirn -o tuesday-full.mirn",
                   "hx-snap-merge monday.mirn tuesday.mirn -o two-days.mirn"};
  OptionTable& table = spec.options;
  table.operands("FILE", 1, OptionTable::kAnyCount, &to.files);
  table.text("output", 'o', "FILE", "the snapshot, which appears when it is complete", &to.request.output);
  table.choice<uint32_t>("format", 0, "v2: chunks are copied; v1: for every reader", &to.request.version,
                         {{"v2", mirn::kVersion2}, {"v1", mirn::kVersion}});
  table.number("level", 0, "N", "of what is packed again: -1 to -19 (3)", &to.request.level, kMinLevel, kMaxLevel)
      .digits = true;
  table.number("jobs", 'j', "N", "threads (one a core)", &to.request.threads, 1, 256);
  table.flag("json", 0, "a receipt on stdout", &to.json);
  table.flag("force", 'f', "replace FILE", &to.request.force);
  return spec;
}

Status run(Options& options, Tool& tool) {
  if (options.request.output.empty()) return usage_error("no output").with_hint("-o FILE");
  options.request.layers = options.files;
  options.request.timestamp = format_rfc3339(system_clock().wall_now());
  options.request.created_by = "hx-snap-merge " HX_VERSION;
  options.request.progress = &tool.progress();
  const MergeReport report = HX_TRY(merge_files(options.request));
  tool.explain(report.text);
  return options.json ? tool.print_json(report.receipt) : Status();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  options.request.threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 64u));
  return run_tool(describe(options), argc, argv, [&](Tool& tool) { return run(options, tool); });
}
