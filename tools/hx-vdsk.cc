// hx-vdsk: checkpoints of qcow2 disks. hx-vdsk(1).

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/json.h"
#include "cli/run_tool.h"
#include "vdsk/vdsk_job.h"

using namespace hx;

namespace {

struct Options {
  std::vector<std::string> words;  // the command, then its operands
  VdskRequest request;
  std::optional<std::string> name, id;
  bool json = false, no_lock = false, up = false, no_backing = false;
};

ToolSpec describe(Options& to) {
  ToolSpec spec;
  spec.name = "hx-vdsk";
  spec.sentence = "Commands: create, restore, delete, list, verify, diff, merge, rebase: checkpoints of qcow2 disks.";
  spec.examples = {"hx-vdsk create --name mon vm.qcow2", "hx-vdsk restore --name mon --save-as tue vm.qcow2",
                   "hx-vdsk diff --from mon vm.qcow2 | hx-fetch --extents - vm.qcow2 >vm.changes"};
  OptionTable& options = spec.options;
  options.operands("COMMAND FILE", 1, OptionTable::kAnyCount, &to.words);
  options.text("name", 0, "NAME", "create, restore, delete: the checkpoint", &to.name);
  options.text("id", 0, "ID", "restore, delete: the checkpoint, where two have one name", &to.id);
  options.text("save-as", 0, "NAME", "restore: the disk as it is becomes this checkpoint", &to.request.save_as);
  options.flag("discard", 0, "restore: the disk as it is is given up", &to.request.discard);
  options.text("from", 0, "NAME", "diff: what changed since this checkpoint", &to.request.from);
  options.text("to", 0, "NAME", "diff: until this one (the disk as it is)", &to.request.to);
  options.flag("repair", 0, "verify: make counts and flags right", &to.request.repair);
  options.choice<CheckpointKind>("kind", 0, "create, delete, list: in the file, or an overlay over it",
                                 &to.request.kind,
                                 {{"internal", CheckpointKind::kInternal}, {"external", CheckpointKind::kExternal}});
  options.text("overlay", 0, "PATH", "create: the new file (FILE.NAME.qcow2)", &to.request.overlay);
  options.flag("up", 0, "merge: into the overlay, not into its base", &to.up);
  options.list("search", 0, "DIR", "merge, delete: other overlays may be here, too", &to.request.search);
  options.list("allow-backing", 0, "DIR", "backing files may lie in DIR too", &to.request.allow_backing);
  options.text("backing", 0, "FILE", "rebase: the new backing file", &to.request.backing);
  options.flag("no-backing", 0, "rebase: none", &to.no_backing);
  options.flag("json", 0, "one object a line", &to.json);
  options.flag("no-lock", 0, "whoever else uses the file: for file systems without locks", &to.no_lock);
  return spec;
}

using Command = std::function<Status(const Options&, Tool&)>;

// A change says nothing to people when it is done, but what went wrong by the way.
EmitRecord printer(const Options& options, Tool& tool, std::function<std::string(const Json&)> for_people) {
  return [&options, &tool, for_people = std::move(for_people)](const Json& record) -> Status {
    if (record.contains("warning") && !record["warning"].get<std::string>().empty())
      tool.warn(record["target"].get<std::string>() + ": " + record["warning"].get<std::string>());
    return tool.print(options.json ? dump_json(record) + "\n" : for_people(record));
  };
}

std::string nothing(const Json&) { return ""; }

std::string format_findings(const Json& record) {
  std::string text = record["target"].get<std::string>() + ": " + (record["sound"].get<bool>() ? "sound" : "not sound");
  if (const auto leaks = record["leaks"].get<uint64_t>(); leaks > 0)
    text += ", " + std::to_string(leaks) + " clusters are leaked";
  if (record["repaired"].get<bool>()) text += "; repaired";
  for (const Json& finding : record["findings"]) text += "\n  " + finding.get<std::string>();
  return text + "\n";
}

Status diff(const Options& options, Tool& tool) { return tool.print(HX_TRY(vdsk_diff(options.request))); }

const std::vector<std::pair<std::string, Command>> kCommands = {
    {"create", [](const Options& o, Tool& tool) { return vdsk_create(o.request, printer(o, tool, nothing)); }},
    {"restore", [](const Options& o, Tool& tool) { return vdsk_restore(o.request, printer(o, tool, nothing)); }},
    {"delete", [](const Options& o, Tool& tool) { return vdsk_delete(o.request, printer(o, tool, nothing)); }},
    {"list",
     [](const Options& o, Tool& tool) { return vdsk_list(o.request, printer(o, tool, format_checkpoint_line)); }},
    {"verify", [](const Options& o, Tool& tool) { return vdsk_verify(o.request, printer(o, tool, format_findings)); }},
    {"diff", diff},
    {"merge", [](const Options& o, Tool& tool) { return vdsk_merge(o.request, printer(o, tool, nothing)); }},
    {"rebase", [](const Options& o, Tool& tool) { return vdsk_rebase(o.request, printer(o, tool, nothing)); }}};

Status check(Options& options, const std::string& command) {
  const bool wants_name = command == "create" || command == "restore" || command == "delete" || command == "merge";
  if (wants_name && (options.name.has_value() + options.id.has_value() != 1 ||
                     ((command == "create" || command == "merge") && options.id)))
    return usage_error(command + " needs --name" + (command == "create" || command == "merge" ? "" : " or --id"));
  if (options.name) options.request.name = {*options.name};
  if (options.id) options.request.name = {*options.id, true};
  if (options.up) options.request.way = MergeWay::kUp;
  if (options.no_backing && options.request.backing)
    return usage_error("--backing and --no-backing exclude each other");
  if (options.no_backing) options.request.backing = "";
  if (options.no_lock) options.request.locks = QemuLocks::kIgnore;
  options.request.targets.assign(options.words.begin() + 1, options.words.end());
  if (options.request.targets.empty()) return usage_error(command + ": missing operand");
  return {};
}

Status run(Options& options, Tool& tool) {
  const std::string& word = options.words.front();
  const auto found = std::ranges::find(kCommands, word, &std::pair<std::string, Command>::first);
  if (found == kCommands.end()) {
    std::vector<std::string> words;
    for (const auto& command : kCommands) words.push_back(command.first);
    const std::string near = nearest_word(word, words);
    return usage_error("unknown command '" + word + "'")
        .with_hint(near.empty() ? "commands are create, restore, delete, list, verify, diff, merge, rebase"
                                : "did you mean '" + near + "'?");
  }
  HX_TRY(check(options, word));
  return found->second(options, tool);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  return run_tool(describe(options), argc, argv, [&](Tool& tool) { return run(options, tool); });
}
