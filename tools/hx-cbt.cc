// hx-cbt: change tracking on a machine's disks. hx-cbt(1).

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/json.h"
#include "base/time_text.h"
#include "cli/run_tool.h"
#include "providers/provider_list.h"
#include "tracking/cbt_report.h"

using namespace hx;

namespace {

struct Options {
  std::vector<std::string> words;  // the command, then its location
  std::string state_directory, vm;
  uint64_t granularity = 64 * kKiB;
  DecisionRules rules;
  bool json = false;
};

ToolSpec describe(Options& to) {
  ToolSpec spec;
  spec.name = "hx-cbt";
  spec.sentence = "Change tracking of a machine. Commands: status, enable, disable, analyze.";
  spec.examples = {"hx-cbt enable qemu:/run/vm.qmp", "hx-cbt analyze --json qemu:/run/vm.qmp"};
  OptionTable& options = spec.options;
  options.operands("COMMAND LOCATION", 2, 2, &to.words);
  options.flag("json", 0, "one object", &to.json);
  options.text("vm", 0, "NAME", "whose exports are meant (the machine's own name)", &to.vm);
  options.text("state-dir", 0, "DIR", "where exports are remembered", &to.state_directory);
  options.size("granularity", 0, "enable: what is tracked as one piece (64K)", &to.granularity);
  options.call("max-age", 0, "AGE", "a full export is recommended after AGE (7d)",
               [&to](const std::string& text) -> Status {
                 to.rules.max_age = std::chrono::duration_cast<std::chrono::seconds>(HX_TRY(parse_duration(text)));
                 return {};
               });
  return spec;
}

Result<CbtReport> examine(const Options& options) {
  CbtReport report;
  report.location = options.words[1];
  report.machine = HX_TRY(tracking_of(report.location, {}));
  const std::string vm = options.vm.empty() ? report.machine.vm : options.vm;
  report.previous = HX_TRY(MetadataStore(options.state_directory).latest(vm));
  std::vector<std::string> tokens;
  if (report.previous)
    for (const TrackedDisk& disk : report.previous->disks)
      if (!disk.change_id.empty()) tokens.push_back(disk.change_id);
  if (!tokens.empty()) report.machine = HX_TRY(tracking_of(report.location, tokens));
  report.machine.vm = vm;
  report.decision = decide(tracked_machine(report.machine), report.previous, system_clock().wall_now(), options.rules);
  return report;
}

Status status(const Options& options, Tool& tool) {
  const CbtReport report = HX_TRY(examine(options));
  if (options.json) return tool.print_json(dump_json(status_to_json(report), 2) + "\n");
  return tool.print(format_status(report));
}

Status analyze(const Options& options, Tool& tool) {
  const CbtReport report = HX_TRY(examine(options));
  if (options.json) return tool.print_json(dump_json(analysis_to_json(report), 2) + "\n");
  return tool.print(format_analysis(report));
}

Status tell(const std::string& message, const Options& options, Tool& tool) {
  if (options.json) return tool.print_json(dump_json({{"success", true}, {"message", message}}) + "\n");
  tool.say(message);
  return {};
}

Status enable(const Options& options, Tool& tool) {
  HX_TRY(enable_tracking(options.words[1], options.granularity));
  return tell(options.words[1] + ": changes are tracked", options, tool);
}

Status disable(const Options& options, Tool& tool) {
  HX_TRY(disable_tracking(options.words[1]));
  return tell(options.words[1] + ": changes are not tracked any more", options, tool);
}

using Command = Status (*)(const Options&, Tool&);
const std::vector<std::pair<std::string, Command>> kCommands = {
    {"status", status}, {"enable", enable}, {"disable", disable}, {"analyze", analyze}};

Status run(const Options& options, Tool& tool) {
  const auto found = std::ranges::find(kCommands, options.words.front(), &std::pair<std::string, Command>::first);
  if (found != kCommands.end()) return found->second(options, tool);
  return usage_error("unknown command '" + options.words.front() + "'")
      .with_hint("commands are status, enable, disable, analyze");
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  ToolSpec spec = describe(options);
  return run_tool(std::move(spec), argc, argv, [&](Tool& tool) { return run(options, tool); });
}
