// hx-restore: a snapshot or a stream into a sparse file, a device or stdout, verified. hx-restore(1).

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/time_text.h"
#include "cli/net_options.h"
#include "cli/run_tool.h"
#include "cli/terminal.h"
#include "providers/provider_list.h"
#include "transfer/byte_range.h"
#include "transfer/chain_input.h"
#include "transfer/restore_request.h"
#include "transfer/restore_run.h"
#include "transfer/verify_input.h"

using namespace hx;

namespace {

struct Arguments {
  std::vector<std::string> files;
  RestoreRequest request;
  ResumeRestore resumed;
  NetOptions net;
  bool resume = false, json = false;
};

ToolSpec describe(Arguments& to) {
  RestoreRequest& request = to.request;
  ToolSpec spec;
  spec.name = "hx-restore";
  spec.sentence = "Restores the disk in a snapshot or stream (FILE, or stdin), and verifies it.";
  spec.examples = {"hx-restore vm.mirn -o disk.img", "hx-restore full.mirn monday.mirn tuesday.mirn -o disk.img"};
  OptionTable& table = spec.options;
  table.operands("FILE", 0, OptionTable::kAnyCount, &to.files);
  table.text("output", 'o', "TARGET", "a new file, a block device, or - for stdout", &request.target.path);
  table.flag("in-place", 0, "write into the existing file TARGET", &request.target.in_place);
  table.flag("only-differences", 0, "in place: write only what TARGET has not yet", &request.target.only_differences);
  table.flag("resume", 0, "keep what is restored for the next run; go on with what is kept", &to.resume);
  table.text("checkpoint", 0, "FILE", "with --resume: what is kept (beside TARGET)", &to.resumed.checkpoint);
  table.parsed("checkpoint-interval", 0, "TIME", "with --resume: between two saves (30s)", &to.resumed.interval,
               parse_duration);
  table.parsed("range", 0, "RANGE", "only OFFSET+LENGTH or OFFSET-END of the disk", &request.range, parse_byte_range);
  table.flag("salvage", 0, "restore what is good of a damaged snapshot, name the rest", &request.salvage);
  table.text("salvage-map", 0, "FILE", "what was restored, as a map for GNU ddrescue", &request.salvage_map);
  table.text("heal-from", 0, "DISK", "a disk that still has what the snapshot has lost", &request.heal_from);
  table.flag("as-snapshot", 0, "make the snapshot whole again, into TARGET", &request.as_snapshot);
  table.flag("verify-only", 0, "restore nothing: read all, and tell what is damaged", &request.verify_only);
  table.parsed("sample", 0, "PERCENT", "with --verify-only: of the chunks, chosen at random", &request.sample_percent,
               parse_percent);
  table.choice<Verify>("verify", 0, "each chunk (tree), or the image's SHA-256 too", &request.verify,
                       {{"tree", Verify::kTree}, {"full", Verify::kFull}});
  table.number("jobs", 'j', "N", "threads that decompress (one a core)", &request.threads, 1, 256);
  table.size("limit-rate", 0, "at most so many bytes of data a second", &request.limit_rate);
  add_net_options(table, &to.net);
  table.flag("json", 0, "a receipt, or what is damaged, as JSON on stdout", &to.json);
  table.flag("force", 'f', "though TARGET exists, is in use, or input is a pipe", &request.target.force);
  return spec;
}

Status check(Arguments& a, Tool& tool) {
  RestoreTarget& target = a.request.target;
  a.resumed.warn = [&tool](const std::string& text) { tool.warn(text); };
  if (a.resume) target.resume = a.resumed;
  if (!a.resume && !a.resumed.checkpoint.empty()) return usage_error("--checkpoint goes with --resume");
  target.timeout = a.net.curl.stall_timeout;
  HX_TRY(check_restore_request(a.request));
  if (a.json && target.path == "-") return usage_error("--json: stdout already carries the disk");
  if (target.path == "-" && !target.force) HX_TRY(refuse_binary_to_terminal(STDOUT_FILENO, "a disk"));
  if (a.files.empty() || a.files[0] == "-") HX_TRY(refuse_binary_from_terminal(STDIN_FILENO, "a snapshot or stream"));
  return {};
}

Status tell(const Arguments& a, RestoreDone done, Tool& tool) {
  const bool is_asked = a.request.target.only_differences || a.request.repairs() || a.resume;
  is_asked ? tool.say(done.text) : tool.explain(done.text);
  if (a.json) HX_TRY(tool.print_json(done.receipt));
  return std::move(done.status);
}

Status restore_to(const Arguments& a, const RestoreJob& job, Tool& tool) {
  const RestoreRequest& request = a.request;
  if (request.as_snapshot) return tell(a, HX_TRY(heal_to(job, request.target, request.heal_from)), tool);
  RestoreRun run = HX_TRY(RestoreRun::open(job, request.target, request.heal_from));
  if (const std::string text = run.reads_first(); !text.empty() && is_terminal(STDERR_FILENO)) tool.say(text);
  HX_TRY(run.check_first());
  const auto note = tool.on_termination([&] { return run.how_far(); });
  return tell(a, HX_TRY(run.run()), tool);
}

// On a terminal somebody waits for the answer; a script has the status.
void tell_good(Tool& tool, const std::string& text) {
  if (is_terminal(STDERR_FILENO))
    tool.say(text);
  else
    tool.explain(text);
}

Status verify(const Arguments& a, const RestoreJob& job, Tool& tool) {
  InputVerdict verdict = HX_TRY(verify_input(job, a.request.sample_percent));
  if (a.json) HX_TRY(tool.print_json(verdict.receipt));
  for (const std::string& fault : verdict.faults) tool.report(damaged(fault));
  if (!verdict.warning.empty()) tool.warn(verdict.warning);
  if (verdict.status) tell_good(tool, verdict.good);
  return std::move(verdict.status);
}

// A file, a pipe, or a file on a server, which is read by ranges.
Result<std::unique_ptr<SnapshotInput>> open_layer(const std::string& path, Arguments& a, Tool& tool, HeaderNeed need) {
  if (!is_remote_file(path)) return SnapshotInput::open(path, need);
  a.net.explain = [&tool](const std::string& text) { tool.explain(text); };
  return SnapshotInput::open(HX_TRY(open_remote_file(path, {.net = std::make_shared<NetAccess>(a.net)})), need);
}

// Of several files the chain that they are.
Result<std::unique_ptr<SnapshotInput>> open_input(Arguments& a, Tool& tool, HeaderNeed need) {
  if (a.files.size() < 2) return open_layer(a.files.empty() ? "-" : a.files[0], a, tool, need);
  if (a.request.repairs()) return usage_error("a damaged chain is not repaired: name one snapshot");
  std::vector<std::unique_ptr<SnapshotInput>> layers;
  for (const std::string& path : a.files) layers.push_back(HX_TRY(open_layer(path, a, tool, need)));
  auto chain = HX_TRY(open_chain(layers));
  return SnapshotInput::of_chain(std::move(chain), std::move(layers));
}

Status run(Arguments& a, Tool& tool) {
  HX_TRY(check(a, tool));
  const auto input =
      HX_TRY(open_input(a, tool, a.request.repairs() ? HeaderNeed::kMayBeDamaged : HeaderNeed::kMustHold));
  if (!input->is_file()) tool.input_is_stream();
  std::optional<RateLimiter> limiter;
  if (a.request.limit_rate) limiter.emplace(*a.request.limit_rate, system_clock());
  RestoreJob job = job_of(a.request);
  job.input = input.get();
  job.pump = {.progress = &tool.progress(), .rate_limiter = limiter ? &*limiter : nullptr};
  return a.request.verify_only ? verify(a, job, tool) : restore_to(a, job, tool);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  arguments.request.threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 64u));
  return run_tool(describe(arguments), argc, argv, [&](Tool& tool) { return run(arguments, tool); });
}
