// hx-ckpt: shows, checks, converts and removes checkpoints. hx-ckpt(1).

#include <climits>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/time_text.h"
#include "checkpoint/describe_checkpoint.h"
#include "checkpoint/disk_check.h"
#include "checkpoint/resume_token.h"
#include "checkpoint/sidecar_care.h"
#include "checkpoint/sidecar_file.h"
#include "cli/run_tool.h"
#include "tracking/describe_exports.h"
#include "transfer/kept_checkpoint.h"

using namespace hx;

namespace {

struct Options {
  std::vector<std::string> words;  // the command, then its operands
  std::string directory;
  std::optional<std::chrono::milliseconds> older_than;
  std::string state_directory;
  int keep = -1;  // not given
  bool json = false, verify = false, dry_run = false, compress = false, decompress = false;
  FindingForm form() const { return json ? FindingForm::kJson : FindingForm::kText; }
};

ToolSpec describe(Options& to) {
  ToolSpec spec;
  spec.name = "hx-ckpt";
  spec.sentence =
      "Commands: show, token, check, rm and convert want FILEs, list and prune want DIRs, exports and forget VMs.";
  spec.examples = {"hx-ckpt show /backups/.web-01.checkpoint", "hx-ckpt check --verify /backups/.web-01.checkpoint",
                   "hx-ckpt token vm.mirn.part", "hx-ckpt prune --older-than 7d /backups",
                   "hx-ckpt forget --keep 30 web-01"};
  OptionTable& options = spec.options;
  options.operands("COMMAND [FILE|DIR|VM]", 1, OptionTable::kAnyCount, &to.words);
  options.flag("json", 0, "show, list, check, exports: one object a line", &to.json);
  options.flag("verify", 0, "check: read the files and compare their SHA-256", &to.verify);
  options.text("directory", 'd', "DIR", "check: where the files are", &to.directory);
  options.parsed("older-than", 0, "AGE", "prune: not saved for so long: 7d, 12h", &to.older_than, parse_duration);
  options.number("keep", 0, "N", "forget: all but the newest N", &to.keep, 0, INT_MAX);
  options.text("state-dir", 0, "DIR", "exports, forget: where exports are remembered", &to.state_directory);
  options.flag("dry-run", 'n', "prune, forget: only say what would go", &to.dry_run);
  options.flag("compress", 0, "convert: to FILE.zst", &to.compress);
  options.flag("decompress", 0, "convert: to FILE without .zst", &to.decompress);
  return spec;
}

// What was formatted as options.form() says.
Status print(const std::string& text, const Options& options, Tool& tool) {
  return options.json ? tool.print_json(text) : tool.print(text);
}

Status show(const std::string& operand, const Options& options, Tool& tool) {
  const std::string path = HX_TRY(find_checkpoint(operand));
  const Checkpoint checkpoint = HX_TRY(read_checkpoint(path));
  if (options.json) {
    Json json = {{"checkpoint", path}};
    json.update(checkpoint_to_json(checkpoint));
    return tool.print_json(dump_json(json) + "\n");
  }
  const Detail detail = tool.verbosity() == Verbosity::kVerbose ? Detail::kAll : Detail::kBrief;
  const std::string title = options.words.size() > 2 ? path + "\n" : "";
  return tool.print(title + format_checkpoint(checkpoint, detail));
}

Status token(const std::string& operand, const Options&, Tool& tool) {
  const std::string path = HX_TRY(find_checkpoint(operand));
  return tool.print(format_token(HX_TRY_IN(path, token_of(HX_TRY(read_checkpoint(path))))) + "\n");
}

Status check(const std::string& operand, const Options& options, Tool& tool) {
  const std::string path = HX_TRY(find_checkpoint(operand));
  const Checkpoint checkpoint = HX_TRY(read_checkpoint(path));
  const std::string directory = options.directory.empty() ? checkpoint.output_path : options.directory;
  const CheckDepth depth = options.verify ? CheckDepth::kChecksums : CheckDepth::kSizes;
  size_t wrong = 0;
  for (const FileCheckpoint& file : checkpoint.files) {
    const FileFinding finding = check_file(file, directory, depth);
    wrong += !finding.holds;
    HX_TRY(print(format_finding(finding, options.form()), options, tool));
  }
  if (wrong == 0) return {};
  return damaged(path + ": " + std::to_string(wrong) + " of " + std::to_string(checkpoint.files.size()) +
                 " files are not as it says")
      .with_hint("they are fetched again by the run that resumes");
}

Status list(const std::string& directory, const Options& options, Tool& tool) {
  HX_TRY(refuse_object(directory, "aws s3 ls lists them"));
  for (const std::string& path : HX_TRY(list_sidecars(directory)))
    HX_TRY(print(format_listed(path, options.form(), system_clock()), options, tool));
  return {};
}

Status remove(const std::string& operand, const Options&, Tool&) { return remove_checkpoint(operand); }

Status prune(const std::string& directory, const Options& options, Tool& tool) {
  if (!options.older_than)
    return usage_error("prune needs --older-than").with_hint("hx-ckpt prune --older-than 7d DIR");
  HX_TRY(refuse_object(directory, "a lifecycle rule of the bucket does that"));
  for (const std::string& path : HX_TRY(older_sidecars(directory, *options.older_than, system_clock()))) {
    Status removed = options.dry_run ? Status() : remove_unused(path, system_clock());
    // One in use is not old, whatever its time says.
    if (!removed.ok() && removed.error().reason == "locked")
      tool.warn(removed.error().message + "; left");
    else if (!removed.ok())
      tool.report(removed.error());
    else
      HX_TRY(tool.print(path + "\n"));
  }
  return {};
}

Status convert(const std::string& operand, const Options& options, Tool&) {
  if (options.compress == options.decompress) return usage_error("convert needs --compress or --decompress");
  HX_TRY(refuse_object(operand, "hx-export compresses what it keeps under a name that ends in .zst"));
  const std::string from = HX_TRY(find_sidecar(operand));
  const std::string to = options.compress ? compressed_name(from) : plain_name(from);
  return convert_sidecar(from, to, system_clock());
}

Status exports(const std::string& vm, const Options& options, Tool& tool) {
  const auto form = options.json ? ExportListForm::kJson : ExportListForm::kText;
  return print(HX_TRY(describe_exports(MetadataStore(options.state_directory), vm, form)), options, tool);
}

Status forget(const std::string& vm, const Options& options, Tool& tool) {
  if (options.keep < 0) return usage_error("forget needs --keep").with_hint("hx-ckpt forget --keep 30 VM");
  const MetadataStore store(options.state_directory);
  const Pruning pruning = options.dry_run ? Pruning::kOnlySay : Pruning::kRemove;
  for (const std::string& path : HX_TRY(store.prune(vm, static_cast<size_t>(options.keep), pruning)))
    HX_TRY(tool.print(path + "\n"));
  return {};
}

using Command = Status (*)(const std::string&, const Options&, Tool&);
const std::map<std::string, Command> kCommands = {{"show", show},       {"token", token},     {"check", check},
                                                  {"list", list},       {"rm", remove},       {"prune", prune},
                                                  {"convert", convert}, {"exports", exports}, {"forget", forget}};

Status run(const Options& options, Tool& tool) {
  const std::string& word = options.words.front();
  const auto found = kCommands.find(word);
  if (found == kCommands.end()) {
    std::vector<std::string> words;
    for (const auto& command : kCommands) words.push_back(command.first);
    const std::string near = nearest_word(word, words);
    return usage_error("unknown command '" + word + "'")
        .with_hint(near.empty() ? "commands are show, token, check, list, rm, prune, convert, exports, forget"
                                : "did you mean '" + near + "'?");
  }
  std::vector<std::string> operands(options.words.begin() + 1, options.words.end());
  if (operands.empty() && word == "list") operands.push_back(".");
  if (operands.empty() && word == "exports") {
    operands = HX_TRY(MetadataStore(options.state_directory).machines());
    if (operands.empty()) return {};
  }
  if (operands.empty()) return usage_error(word + ": missing operand");
  if (operands.size() > 1 && word == "token") return usage_error("token: extra operand '" + operands[1] + "'");
  for (const std::string& operand : operands) {
    Status status = found->second(operand, options, tool);
    if (!status.ok()) tool.report(status.error());
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  return run_tool(describe(options), argc, argv, [&](Tool& tool) { return run(options, tool); });
}
