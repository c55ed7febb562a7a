// hx-restore: a snapshot or a stream into a sparse file, a device or stdout, verified. hx-restore(1).

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/size_text.h"
#include "cli/run_tool.h"
#include "cli/terminal.h"
#include "io/fd_io.h"
#include "snapshot/verify.h"
#include "transfer/byte_range.h"
#include "transfer/restore_report.h"
#include "transfer/restore_target.h"

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
  bool in_place = false, verify_only = false, force = false, json = false;
};

Status parse_percent(const std::string& text, std::optional<double>& to) {
  double value = 0;
  const char* const end = text.data() + text.size() - (text.ends_with('%') ? 1 : 0);
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || rest != end || !(value > 0) || value > 100)
    return usage_error("'" + text + "' is not a percentage above 0 and up to 100");
  to = value;
  return {};
}

ToolSpec describe(Arguments& to) {
  ToolSpec spec;
  spec.name = "hx-restore";
  spec.sentence = "Restores the disk in a snapshot or stream (FILE, or stdin), and verifies it.";
  spec.examples = {"hx-restore vm.mirn -o disk.img", "hx-restore --verify-only vm.mirn"};
  OptionTable& table = spec.options;
  table.operands("FILE", 0, 1, &to.files);
  table.text("output", 'o', "TARGET", "a new file, a block device, or - for stdout", &to.output);
  table.flag("in-place", 0, "write into the existing file TARGET", &to.in_place);
  table.call("range", 0, "RANGE", "only OFFSET+LENGTH or OFFSET-END of the disk",
             [&to](const std::string& text) -> Status {
               to.range = HX_TRY(parse_byte_range(text));
               return {};
             });
  table.flag("verify-only", 0, "restore nothing: read all, and tell what is damaged", &to.verify_only);
  table.call("sample", 0, "PERCENT", "with --verify-only: of the chunks, chosen at random",
             [&to](const std::string& text) { return parse_percent(text, to.sample_percent); });
  table.choice<Verify>("verify", 0, "each chunk (tree), or the image's SHA-256 too", &to.verify,
                       {{"tree", Verify::kTree}, {"full", Verify::kFull}});
  table.number("jobs", 'j', "N", "threads that decompress (one a core)", &to.threads, 1, 256);
  table.size("limit-rate", 0, "at most so many bytes of data a second", &to.limit_rate);
  table.flag("json", 0, "a receipt, or what is damaged, as JSON on stdout", &to.json);
  table.flag("force", 'f', "though TARGET exists, is in use, or input is a pipe", &to.force);
  return spec;
}

Status check(const Arguments& a) {
  if (a.verify_only && (!a.output.empty() || a.in_place || a.range))
    return usage_error("--verify-only restores nothing: no --output, --in-place or --range");
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
  const RestoreTarget target{a.output, a.in_place, a.force};
  const TargetKind kind = HX_TRY(kind_of_target(target, *job.input));
  const auto sink = HX_TRY(open_target(target, kind, job));
  const bool in_place = kind == TargetKind::kInPlace;
  if (kind == TargetKind::kNewFile) job.parts = Parts::kRefuse;
  // Whatever does not exist twice is not touched before its replacement is known to be good.
  if (in_place && job.input->is_file()) {
    if (is_terminal(STDERR_FILENO))
      tool.say("reading all of " + job.input->name() + " before " + a.output + " is touched");
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
  tool.explain(a.output + ": " + format_size(counts.written) + " written, " + format_size(counts.zeroed) + " zeroed, " +
               format_size(counts.skipped) + " left as holes");
  return a.json ? tool.print(restore_receipt(*job.input, a.output, *outcome, counts)) : Status();
}

// On a terminal somebody waits for the answer; a script has the status.
void tell_good(Tool& tool, const std::string& text) {
  if (is_terminal(STDERR_FILENO))
    tool.say(text);
  else
    tool.explain(text);
}

// Of an indexed file each frame by itself, so that all damage is told; of anything else one read to the end.
Status verify(const Arguments& a, RestoreJob& job, Tool& tool) {
  SnapshotInput& input = *job.input;
  if (input.kind() != InputKind::kIndexed || !input.is_file()) {
    if (a.sample_percent) return unsupported(input.name() + ": a sample needs a snapshot with an index, in a file");
    const auto sink = discarding_sink();
    const RestoreOutcome outcome = HX_TRY(restore(job, *sink));
    tell_good(tool, input.name() + ": good, read to the end");
    return a.json ? tool.print(verify_receipt(input, outcome)) : Status();
  }
  const auto reader = HX_TRY(input.open_indexed());
  VerifyOptions options;
  options.threads = job.threads;
  options.sample_percent = a.sample_percent.value_or(100);
  options.seed = std::random_device()();
  options.image_digest = a.verify == Verify::kFull;
  options.progress = &tool.progress().add_disk(reader->info().name, reader->info().size);
  const VerifyReport report = HX_TRY(verify_snapshot(reader, options));
  options.progress->finished = true;
  if (a.json) HX_TRY(tool.print(verify_receipt(*reader, report)));
  for (const Damage& damage : report.damage) tool.report(damaged(damage.message));
  if (options.image_digest && !report.image_digest_compared)
    tool.warn(input.name() + ": has no SHA-256 of the image to compare with: hx-snap-seal adds it");
  if (!report.image_digest_fits)
    return damaged(input.name() + ": at 12: checksum mismatch: the image's SHA-256 is not the header's");
  if (!report.damage.empty()) return damaged(input.name() + ": " + format_damage(report));
  tell_good(tool, input.name() + ": good: " + std::to_string(report.frames) + " chunks with " +
                      format_size(report.bytes) + " of data read" + (a.sample_percent ? ", a sample" : ""));
  return {};
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
