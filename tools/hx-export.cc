// hx-export: files from servers into a directory, gone on with where an earlier run stopped. hx-export(1).

#include <string>
#include <vector>

#include "base/json.h"
#include "base/redact.h"
#include "base/time_text.h"
#include "cli/net_options.h"
#include "cli/run_tool.h"
#include "transfer/export_job.h"

using namespace hx;

namespace {

struct Options {
  ExportRequest request;
  NetOptions net;
  bool json = false, force = false, verify = false, restart = false, no_checkpoint = false, unsafe = false;
};

ToolSpec describe(Options& to) {
  ToolSpec spec;
  spec.name = "hx-export";
  spec.sentence = "Copies files from servers into a directory, and goes on where it was cut off.";
  spec.examples = {"hx-export https://host/vm/disk-0.vmdk s3://bucket/disk-1.vmdk -d /backups"};
  OptionTable& table = spec.options;
  table.operands("LOCATION", 1, OptionTable::kAnyCount, &to.request.locations);
  table.text("directory", 'd', "DIR", "where the files go (.)", &to.request.directory);
  table.text("name", 0, "NAME", "what the checkpoint is called (as the first file)", &to.request.name);
  table.text("checkpoint", 0, "FILE", "or s3://…: the checkpoint (DIR/.NAME.checkpoint)", &to.request.checkpoint_path);
  table.flag("checkpoint-unsafe", 0, "though the store has no conditional writes", &to.unsafe);
  table.parsed("checkpoint-interval", 0, "TIME", "save it so often: 0.5s, 5m (30s); 0: at files' ends",
               &to.request.interval, parse_duration);
  table.flag("no-checkpoint", 0, "keep none, and no .part files", &to.no_checkpoint);
  table.flag("restart", 0, "forget what an earlier run fetched", &to.restart);
  table.flag("verify", 0, "SHA-256 of each file, also of those that are here", &to.verify);
  table.number("jobs", 'j', "N", "files at once (4)", &to.request.jobs, 1, 64);
  table.number("connections", 0, "N", "requests at once for one file (8)", &to.request.connections, 1, 64);
  table.number("per-server", 0, "N", "requests at once to one server (16)", &to.request.per_server, 1, 1024);
  table.size("limit-rate", 0, "at most so many bytes a second, of all", &to.request.limit_rate);
  add_net_options(table, &to.net);
  table.flag("json", 0, "an object for each file on stdout", &to.json);
  table.flag("force", 'f', "replace files; read a disk that is in use", &to.force);
  return spec;
}

Status check(Options& options) {
  ExportRequest& request = options.request;
  if (request.limit_rate == uint64_t{0}) return usage_error("--limit-rate: nothing would ever arrive");
  if (options.no_checkpoint && (options.restart || !request.checkpoint_path.empty()))
    return usage_error("--no-checkpoint leaves nothing to --restart or to --checkpoint");
  if (options.unsafe && !is_s3_location(request.checkpoint_path))
    return usage_error("--checkpoint-unsafe goes with --checkpoint s3://…");
  if (options.unsafe) request.conditions = S3CheckpointOptions::Conditions::kUnneeded;
  if (options.no_checkpoint) request.use = CheckpointUse::kNo;
  if (options.restart) request.restart = Restart::kYes;
  if (options.verify) request.depth = CheckDepth::kChecksums;
  if (options.force) request.overwrite = Overwrite::kReplace, request.location.in_use = InUse::kAllow;
  return {};
}

std::string report_line(const ExportReport& report) {
  Json line = {{"path", report.path}, {"size", report.size}, {"fetched", report.fetched}, {"resumed", report.resumed}};
  line["sha256"] = report.bytes.sha256.empty() ? Json() : Json(report.bytes.sha256);
  line["checked"] = report.bytes.checked.empty() ? Json() : Json(report.bytes.checked);
  return dump_json(line) + "\n";
}

// The command that goes on, as a shell reads it; what may be a secret is to be put in again.
std::string command_again(int argc, char** argv) {
  std::string command = "hx-export";
  for (int i = 1; i < argc; ++i) {
    std::string word = redact_urls(argv[i]);
    if (word == "--restart") continue;
    if (word.empty() || word.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                               "-_=+,./:@%") != word.npos) {
      for (size_t at = 0; (at = word.find('\'', at)) != word.npos; at += 4) word.replace(at, 1, "'\\''");
      word = "'" + word + "'";
    }
    command += " " + word;
  }
  return command;
}

Status run(Options& options, const std::string& again, Tool& tool) {
  HX_TRY(check(options));
  options.net.explain = [&tool](const std::string& text) { tool.explain(text); };
  options.request.location.net = std::make_shared<NetAccess>(options.net);
  ExportListener listener;
  listener.progress = &tool.progress();
  listener.warn = [&tool](const std::string& text) { tool.warn(text); };
  listener.say = [&tool](const std::string& text) { tool.say(text); };
  listener.failed = [&tool](const Error& error) { tool.report(error); };
  listener.done = [&tool, &options](const ExportReport& report) {
    if (!report.bytes.checked.empty()) tool.explain(report.path + ": agrees with the " + report.bytes.checked);
    if (!options.json) return;
    if (Status printed = tool.print_json(report_line(report)); !printed) tool.report(printed.error());
  };
  const auto job = HX_TRY(ExportJob::begin(std::move(options.request), std::move(listener), system_clock()));
  const auto to_go_on = [&] { return "saved in " + job->checkpoint_path() + "; to go on: " + again; };
  auto note = tool.on_termination([&]() -> std::string {
    if (Status saved = job->save(); !saved) return "the checkpoint is not saved: " + saved.error().message;
    return job->checkpoint_path().empty() ? "" : to_go_on();
  });
  const ExportJob::Outcome outcome = job->run();
  note.reset();  // a signal would save what finish() removes
  if (HX_TRY(job->finish(outcome))) tool.say(to_go_on());
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  ToolSpec spec = describe(options);
  const std::string again = command_again(argc, argv);
  return run_tool(std::move(spec), argc, argv, [&](Tool& tool) { return run(options, again, tool); });
}
