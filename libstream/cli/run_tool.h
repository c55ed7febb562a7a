#pragma once
// What is the same in every tool: options, --help, messages, progress, signals and the exit status.
//
//   int main(int argc, char** argv) {
//     Options options;
//     ToolSpec spec{.name = "hx-fetch", …};
//     spec.options.flag("raw", 0, "plain bytes", &options.raw);
//     return run_tool(std::move(spec), argc, argv, [&](Tool& tool) { return fetch(options, tool); });
//   }

#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cli/progress_line.h"
#include "cli/signals.h"
#include "cli/tool_spec.h"
#include "io/progress.h"

namespace hx {

enum class Verbosity : uint8_t { kQuiet, kNormal, kVerbose };

// The running tool, as its code sees it. Any thread.
class Tool {
 public:
  Tool(std::string name, Verbosity, ProgressChoice);
  ~Tool();
  Tool(const Tool&) = delete;

  const std::string& name() const { return name_; }
  Verbosity verbosity() const { return verbosity_; }

  // Disks added here are shown while they move, and summed up at the end.
  Progress& progress() { return progress_; }
  // The input is a stream from a pipe: the source of the pipeline draws the bar, not this tool, unless it was asked to.
  // To be called before the first disk is added.
  void input_is_stream();

  void warn(std::string_view text);     // "hx-fetch: warning: TEXT"
  void say(std::string_view text);      // "hx-fetch: TEXT", for people: not with --quiet
  void explain(std::string_view text);  // only with --verbose
  // One of several failures, the tool goes on: printed now, and the exit status will tell (cli/exit_status.h).
  void report(const Error&);
  // For stdout, at once and checked: text, which may hold what came from outside, and JSON. See cli/printable.
  Status print(std::string_view text);
  Status print_json(std::string_view json);

  // While the result lives, a signal that ends the tool first prints the line that `line` gives (none if it is empty):
  // how far the target is written, how to go on. Called in the signal thread; it must not wait for the main one.
  [[nodiscard]] std::unique_ptr<TerminationNote> on_termination(std::function<std::string()> line);

 private:
  friend int run_tool(ToolSpec, int, char**, const std::function<Status(Tool&)>&);
  int finish(Status&);
  void print_error(const Error&);
  void die_by(int signal, const std::list<std::string>& notes);

  const std::string name_;
  const Verbosity verbosity_;
  Progress progress_;
  ProgressLine line_;
  std::mutex mutex_;  // of failures_
  std::vector<ErrorKind> failures_;
  std::unique_ptr<SignalThread> signals_;  // last: its thread uses the others
};

// The only place that prints errors and picks the status: "TOOL: error: MESSAGE", then "TOOL: hint: …"; with
// --progress json also {"type":"error",…}. Adds --progress, --quiet, --verbose, --help, --version to the options.
// SIGPIPE is ignored; SIGINT, SIGTERM and SIGHUP clean up and are raised again. An exception that nobody caught:
// status 9.
int run_tool(ToolSpec spec, int argc, char** argv, const std::function<Status(Tool&)>& run);

}  // namespace hx
