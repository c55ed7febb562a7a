// hx-restore: a snapshot or a stream into a sparse file, a device or stdout, verified. hx-restore(1).

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "cli/net_options.h"
#include "cli/run_tool.h"
#include "cli/terminal.h"
#include "providers/provider_list.h"
#include "transfer/byte_range.h"
#include "transfer/restore_run.h"
#include "transfer/verify_input.h"

using namespace hx;

namespace {

struct Arguments {
  std::vector<std::string> files;
  std::string output, salvage_map, heal_from;
  std::optional<Range> range;
  Verify verify = Verify::kTree;
  std::optional<double> sample_percent;
  int threads = 2;
  std::optional<uint64_t> limit_rate;
  NetOptions net;
  bool in_place = false, only_differences = false, salvage = false, as_snapshot = false;
  bool verify_only = false, force = false, json = false;
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
  table.flag("salvage", 0, "restore what is good of a damaged snapshot, name the rest", &to.salvage);
  table.text("salvage-map", 0, "FILE", "what was restored, as a map for GNU ddrescue", &to.salvage_map);
  table.text("heal-from", 0, "DISK", "a disk that still has what the snapshot has lost", &to.heal_from);
  table.flag("as-snapshot", 0, "make the snapshot whole again, into TARGET", &to.as_snapshot);
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
  add_net_options(table, &to.net);
  table.flag("json", 0, "a receipt, or what is damaged, as JSON on stdout", &to.json);
  table.flag("force", 'f', "though TARGET exists, is in use, or input is a pipe", &to.force);
  return spec;
}

Status check(const Arguments& a) {
  const bool repairs = a.salvage || a.as_snapshot || !a.heal_from.empty();
  if (a.verify_only && (!a.output.empty() || a.in_place || a.only_differences || a.range || repairs))
    return usage_error("--verify-only restores nothing: it goes with --sample, --verify, --jobs and --json");
  if (a.verify_only && a.limit_rate) return usage_error("--verify-only knows no --limit-rate");
  if (!a.verify_only && a.output.empty())
    return usage_error("no target").with_hint("-o FILE, -o - for stdout, or --verify-only");
  if (a.sample_percent && !a.verify_only) return usage_error("--sample goes with --verify-only");
  if (a.sample_percent && a.verify == Verify::kFull)
    return usage_error("--sample and --verify full exclude each other");
  if (repairs && a.verify == Verify::kFull) return usage_error("--verify full is for what is not damaged");
  if (!a.salvage_map.empty() && (!a.salvage || a.range))
    return usage_error("--salvage-map goes with --salvage, of the whole disk");
  if (a.as_snapshot && (a.salvage || a.in_place || a.range || a.output == "-"))
    return usage_error("--as-snapshot writes a new file, the whole snapshot: no --salvage, --in-place or --range");
  if (a.in_place && (a.output.empty() || a.output == "-")) return usage_error("--in-place needs --output FILE");
  if (a.json && a.output == "-") return usage_error("--json: stdout already carries the disk");
  if (a.output == "-" && !a.force) HX_TRY(refuse_binary_to_terminal(STDOUT_FILENO, "a disk"));
  if (a.files.empty() || a.files[0] == "-") HX_TRY(refuse_binary_from_terminal(STDIN_FILENO, "a snapshot or stream"));
  return {};
}

Status tell(const Arguments& a, RestoreDone done, Tool& tool) {
  const bool is_asked = a.only_differences || a.salvage || a.as_snapshot || !a.heal_from.empty();
  is_asked ? tool.say(done.text) : tool.explain(done.text);
  if (a.json) HX_TRY(tool.print(done.receipt));
  return std::move(done.status);
}

Status restore_to(const Arguments& a, const RestoreJob& job, Tool& tool) {
  const RestoreTarget target{a.output, a.in_place, a.force, a.only_differences, a.net.curl.stall_timeout};
  if (a.as_snapshot) return tell(a, HX_TRY(heal_to(job, target, a.heal_from)), tool);
  RestoreRun run = HX_TRY(RestoreRun::open(job, target, a.heal_from));
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
  InputVerdict verdict = HX_TRY(verify_input(job, a.sample_percent));
  if (a.json) HX_TRY(tool.print(verdict.receipt));
  for (const std::string& fault : verdict.faults) tool.report(damaged(fault));
  if (!verdict.warning.empty()) tool.warn(verdict.warning);
  if (verdict.status) tell_good(tool, verdict.good);
  return std::move(verdict.status);
}

// A file, a pipe, or a file on a server, which is read by ranges.
Result<std::unique_ptr<SnapshotInput>> open_input(Arguments& a, Tool& tool, HeaderNeed need) {
  const std::string path = a.files.empty() ? "-" : a.files[0];
  if (!is_remote_file(path)) return SnapshotInput::open(path, need);
  a.net.explain = [&tool](const std::string& text) { tool.explain(text); };
  return SnapshotInput::open(HX_TRY(open_remote_file(path, {.net = std::make_shared<NetAccess>(a.net)})), need);
}

Status run(Arguments& a, Tool& tool) {
  HX_TRY(check(a));
  const bool repairs = a.salvage || a.as_snapshot || !a.heal_from.empty();
  const HeaderNeed need = repairs ? HeaderNeed::kMayBeDamaged : HeaderNeed::kMustHold;
  const auto input = HX_TRY(open_input(a, tool, need));
  if (!input->is_file()) tool.input_is_stream();
  std::optional<RateLimiter> limiter;
  if (a.limit_rate) limiter.emplace(*a.limit_rate, system_clock());
  RestoreJob job;
  job.input = input.get();
  job.range = a.range;
  job.verify = a.verify;
  job.threads = a.threads;
  job.pump = {.progress = &tool.progress(), .rate_limiter = limiter ? &*limiter : nullptr};
  if (repairs) job.damage = a.salvage ? OnDamage::kSalvage : OnDamage::kHeal;
  job.salvage_map = a.salvage_map;
  return a.verify_only ? verify(a, job, tool) : restore_to(a, job, tool);
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  arguments.threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 64u));
  return run_tool(describe(arguments), argc, argv, [&](Tool& tool) { return run(arguments, tool); });
}
