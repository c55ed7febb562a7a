// hx-restore: a snapshot or a stream into a sparse file, a device or stdout, verified. hx-restore(1).

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/size_text.h"
#include "cli/run_tool.h"
#include "cli/terminal.h"
#include "transfer/byte_range.h"
#include "transfer/restore_report.h"
#include "transfer/restore_target.h"
#include "transfer/verify_input.h"

using namespace hx;

namespace {

struct Arguments {
  std::vector<std::string> files;
  std::string output;
  std::optional<Range> range;
  Verify verify = Verify::kTree;
  std::optional<double> sample_percent;
  int threads = 2;
  std::optional<uint64_t> limit_rate;
  bool in_place = false, only_differences = false, verify_only = false, force = false, json = false;
};

ToolSpec describe(Arguments& to) {
  ToolSpec spec;
  spec.name = "hx-restore";
  spec.sentence = "Restores the disk in a snapshot or stream (FILE, or stdin), and verifies it.";
  spec.examples = {"hx-restore vm.mirn -o disk.img", "hx-restore --verify-only vm.mirn"};
  OptionTable& table = spec.options;
  table.operands("FILE", 0, 1, &to.files);
  table.text("output", 'o', "TARGET", "a new file, a block device, or - for stdout", &to.output);
  table.flag("in-place", 0, "write into the existing file TARGET", &to.in_place);
  table.flag("only-differences", 0, "in place: write only what TARGET has not yet", &to.only_differences);
  table.call("range", 0, "RANGE", "only OFFSET+LENGTH or OFFSET-END of the disk",
             [&to](const std::string& text) -> Status {
               to.range = HX_TRY(parse_byte_range(text));
               return {};
             });
  table.flag("verify-only", 0, "restore nothing: read all, and tell what is damaged", &to.verify_only);
  table.call("sample", 0, "PERCENT", "with --verify-only: of the chunks, chosen at random",
             [&to](const std::string& text) -> Status {
               to.sample_percent = HX_TRY(parse_percent(text));
               return {};
             });
  table.choice<Verify>("verify", 0, "each chunk (tree), or the image's SHA-256 too", &to.verify,
                       {{"tree", Verify::kTree}, {"full", Verify::kFull}});
  table.number("jobs", 'j', "N", "threads that decompress (one a core)", &to.threads, 1, 256);
  table.size("limit-rate", 0, "at most so many bytes of data a second", &to.limit_rate);
  table.flag("json", 0, "a receipt, or what is damaged, as JSON on stdout", &to.json);
  table.flag("force", 'f', "though TARGET exists, is in use, or input is a pipe", &to.force);
  return spec;
}

Status check(const Arguments& a) {
  if (a.verify_only && (!a.output.empty() || a.in_place || a.only_differences || a.range))
    return usage_error("--verify-only restores nothing: no --output, --in-place, --only-differences or --range");
  if (a.verify_only && a.limit_rate) return usage_error("--verify-only knows no --limit-rate");
  if (!a.verify_only && a.output.empty())
    return usage_error("no target").with_hint("-o FILE, -o - for stdout, or --verify-only");
  if (a.sample_percent && !a.verify_only) return usage_error("--sample goes with --verify-only");
  if (a.sample_percent && a.verify == Verify::kFull)
    return usage_error("--sample and --verify full exclude each other");
  if (a.in_place && (a.output.empty() || a.output == "-")) return usage_error("--in-place needs --output FILE");
  if (a.json && a.output == "-") return usage_error("--json: stdout already carries the disk");
  if (a.output == "-" && !a.force) HX_TRY(refuse_binary_to_terminal(STDOUT_FILENO, "a disk"));
  if (a.files.empty() || a.files[0] == "-") HX_TRY(refuse_binary_from_terminal(STDIN_FILENO, "a snapshot or stream"));
  return {};
}

Status restore_to(const Arguments& a, RestoreJob& job, Tool& tool) {
  const RestoreTarget target{a.output, a.in_place, a.force, a.only_differences};
  const TargetKind kind = HX_TRY(kind_of_target(target, *job.input));
  const auto sink = HX_TRY(open_target(target, kind, job));
  const bool in_place = is_overwritten(kind);
  if (makes_whole_disk(kind)) job.parts = Parts::kRefuse;
  // Whatever does not exist twice is not touched before its replacement is known to be good.
  if (in_place && job.input->is_file()) {
    if (is_terminal(STDERR_FILENO))
      tool.say("reading " + (a.only_differences ? a.output + ", and " : "all of ") + job.input->name() + " before " +
               a.output + " is touched");
    HX_TRY(check_before(job));
  }
  std::unique_ptr<TerminationNote> note;
  if (in_place) note = tool.on_termination([&] { return how_far(target, *sink); });
  auto outcome = restore(job, *sink);
  Status status = outcome ? sink->commit() : Status(std::move(outcome).error());
  if (!status) {
    Error error = std::move(status).error();
    if (in_place && sink->counts().written + sink->counts().zeroed > 0) error.hint = how_far(target, *sink);
    return error;
  }
  const SinkCounts counts = sink->counts();
  const std::string done = format_counts(a.output, counts, *outcome);
  if (a.only_differences)
    tool.say(done);
  else
    tool.explain(done);
  return a.json ? tool.print(restore_receipt(*job.input, a.output, *outcome, counts)) : Status();
}

// On a terminal somebody waits for the answer; a script has the status.
void tell_good(Tool& tool, const std::string& text) {
  if (is_terminal(STDERR_FILENO))
    tool.say(text);
  else
    tool.explain(text);
}

Status verify(const Arguments& a, const RestoreJob& job, Tool& tool) {
  InputVerdict verdict = HX_TRY(verify_input(job, a.sample_percent));
  if (a.json) HX_TRY(tool.print(verdict.receipt));
  for (const std::string& fault : verdict.faults) tool.report(damaged(fault));
  if (!verdict.warning.empty()) tool.warn(verdict.warning);
  if (verdict.status) tell_good(tool, verdict.good);
  return std::move(verdict.status);
}

Status run(Arguments& a, Tool& tool) {
  HX_TRY(check(a));
  const auto input = HX_TRY(SnapshotInput::open(a.files.empty() ? "-" : a.files[0]));
  if (!input->is_file()) tool.input_is_stream();
  std::optional<RateLimiter> limiter;
  if (a.limit_rate) limiter.emplace(*a.limit_rate, system_clock());
  RestoreJob job;
  job.input = input.get();
  job.range = a.range;
  job.verify = a.verify;
  job.threads = a.threads;
  job.pump = {.progress = &tool.progress(), .rate_limiter = limiter ? &*limiter : nullptr};
  return a.verify_only ? verify(a, job, tool) : restore_to(a, job, tool);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  arguments.threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 64u));
  return run_tool(describe(arguments), argc, argv, [&](Tool& tool) { return run(arguments, tool); });
}
