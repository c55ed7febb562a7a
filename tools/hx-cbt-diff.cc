// hx-cbt-diff: what changed on a disk since a point, as a delta stream or a map. hx-cbt-diff(1).

#include <unistd.h>

#include <optional>
#include <string>
#include <vector>

#include "cli/run_tool.h"
#include "cli/terminal.h"
#include "extent/map_text.h"
#include "extent/pump.h"
#include "extent/stream_writer.h"
#include "io/fd_io.h"
#include "transfer/changes_plan.h"

using namespace hx;

namespace {

struct DiffOptions {
  std::vector<std::string> locations, since;
  std::string name;
  std::optional<MapForm> map;
  bool force = false;
};

ToolSpec describe(DiffOptions& to) {
  ToolSpec spec;
  spec.name = "hx-cbt-diff";
  spec.sentence = "Writes what changed on a disk since a point, as a delta stream on stdout.";
  spec.examples = {"hx-cbt-diff --since \"$token\" qemu:/run/vm.qmp | hx-snap-pack -o d1.mirn"};
  OptionTable& table = spec.options;
  table.operands("LOCATION", 1, 1, &to.locations);
  table.list("since", 0, "TOKEN", "the change token of that point; repeatable, one a disk", &to.since);
  table.choice<std::optional<MapForm>>("map", 0, "say where changes are; nothing is read", &to.map,
                                       {{"json", MapForm::kJson}});
  table.text("name", 0, "NAME", "call the disk NAME (as its device)", &to.name);
  table.flag("force", 'f', "write to a terminal", &to.force);
  return spec;
}

Status diff(const DiffOptions& options, Tool& tool, bool& has_begun) {
  if (options.since.empty()) return usage_error("--since TOKEN is missing");
  if (!options.map && !options.force) HX_TRY(refuse_binary_to_terminal(STDOUT_FILENO, "an extent stream"));
  ChangesRequest request;
  request.location = options.locations.front();
  request.name = options.name;
  if (options.map) request.next = NextPoint::kNone;
  for (const std::string& token : options.since) request.since.push_back({token});
  auto disks = HX_TRY(plan_changes(std::move(request)));
  if (options.map) {
    if (disks.size() != 1) return usage_error("--map is for one disk, and here are " + std::to_string(disks.size()));
    return tool.print(format_map(*options.map, disks.front().what, disks.front().reader->info().size));
  }
  enlarge_pipe(STDOUT_FILENO);
  FdWriter out(STDOUT_FILENO, "stdout");
  const auto sink = stream_writer(out, disks.size());
  const auto source = fetch_source(std::move(disks), {});
  has_begun = true;
  HX_TRY(pump(*source, *sink, {.progress = &tool.progress()}));
  return sink->commit();
}

}  // namespace

int main(int argc, char** argv) {
  DiffOptions options;
  ToolSpec spec = describe(options);
  bool has_begun = false;
  spec.on_error = [&](const Error& error) {
    if (has_begun || options.map || is_terminal(STDOUT_FILENO)) return;
    FdWriter out(STDOUT_FILENO, "stdout");
    stream_writer(out, 1)->abort(error);
  };
  return run_tool(std::move(spec), argc, argv, [&](Tool& tool) { return diff(options, tool, has_begun); });
}
