#include "cli/run_tool.h"

#include <fcntl.h>
#include <unistd.h>

#include <clocale>
#include <csignal>
#include <cstring>
#include <exception>
#include <new>
#include <optional>

#include "base/clock.h"
#include "base/json.h"
#include "cli/completion.h"
#include "cli/exit_status.h"
#include "cli/printable.h"
#include "io/fd_io.h"
#include "io/last_acts.h"
#include "io/temporary_names.h"

namespace hx {
namespace {

struct StandardOptions {
  bool quiet = false, verbose = false, help = false, version = false, dump_options = false;
  std::optional<Shell> completion;
  ProgressChoice progress;
};

void add_standard_options(OptionTable& table, StandardOptions& to) {
  table
      .call("progress", 0, "WHEN", "show it: auto, bar, json, none or fd:N (JSON there)",
            [&to](const std::string& value) -> Status {
              to.progress = HX_TRY(parse_progress_choice(value));
              return {};
            })
      .suggestions = {"auto", "bar", "json", "none"};
  table.flag("quiet", 'q', "only errors: no progress, no remarks", &to.quiet).compact = true;
  table.flag("verbose", 'v', "say more", &to.verbose).compact = true;
  table.flag("help", 0, "show this help", &to.help).compact = true;
  table.flag("version", 0, "show the version", &to.version).compact = true;
  table.flag("dump-options", 0, "the options as JSON", &to.dump_options).hidden = true;
  table
      .choice<std::optional<Shell>>("dump-completion", 0, "the completion script of a shell", &to.completion,
                                    {{"bash", Shell::kBash}, {"zsh", Shell::kZsh}, {"fish", Shell::kFish}})
      .hidden = true;
}

// A tool started with a standard descriptor closed must not give its number to a disk: what is then used fails (EBADF).
void occupy_standard_descriptors() {
  for (int fd = 0; fd <= 2; ++fd)
    if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && ::open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd) _exit(9);
}

const char* tool_name_at_exit = "hx";

// An exception in a thread, or memory gone where nobody can report it: the process ends with a status, not with a core.
[[noreturn]] void end_by_exception() {
  std::string what = "unexpected exception";
  if (auto current = std::current_exception()) {
    try {
      std::rethrow_exception(current);
    } catch (const std::bad_alloc&) {
      what = "out of memory";
    } catch (const std::exception& exception) {
      what = std::string("unexpected exception: ") + exception.what();
    } catch (...) {
    }
  }
  std::string line = std::string(tool_name_at_exit) + ": error: " + printable(what) + "\n";
  [[maybe_unused]] ssize_t written = ::write(STDERR_FILENO, line.data(), line.size());
  run_last_acts();
  const auto no_more = remove_temporaries();
  _exit(exit_status(ErrorKind::kSystem));
}

Status run_without_exceptions(const std::function<Status(Tool&)>& run, Tool& tool) {
  try {
    return run(tool);
  } catch (const std::bad_alloc&) {
    return bug("out of memory");
  } catch (const std::exception& exception) {
    return bug(std::string("unexpected exception: ") + exception.what());
  }
}

Json options_as_json(const ToolSpec& spec) {
  Json all = {{"tool", spec.name}, {"sentence", spec.sentence}};
  all.update(spec.options.to_json());
  all["examples"] = spec.examples;
  return all;
}

}  // namespace

Tool::Tool(std::string name, Verbosity verbosity, ProgressChoice progress)
    : name_(std::move(name)), verbosity_(verbosity), line_(progress_, name_, progress, system_clock()) {
  signals_ = std::make_unique<SignalThread>(
      [this] { line_.print_status_line(); },
      [this](int signal, const std::list<std::string>& notes) { die_by(signal, notes); });
  line_.start();
}

Tool::~Tool() = default;

void Tool::input_is_stream() { line_.no_bar_unless_asked(); }

void Tool::warn(std::string_view text) {
  if (verbosity_ != Verbosity::kQuiet) line_.print(name_ + ": warning: " + printable(text) + "\n");
}

void Tool::say(std::string_view text) {
  if (verbosity_ != Verbosity::kQuiet) line_.print(name_ + ": " + printable(text) + "\n");
}

void Tool::explain(std::string_view text) {
  if (verbosity_ == Verbosity::kVerbose) line_.print(name_ + ": " + printable(text) + "\n");
}

Status Tool::print(std::string_view text) {
  return write_fd(STDOUT_FILENO, "stdout", 0, as_bytes(printable_lines(text)));
}
Status Tool::print_json(std::string_view json) {
  return write_fd(STDOUT_FILENO, "stdout", 0, as_bytes(printable_json(json)));
}

std::unique_ptr<TerminationNote> Tool::on_termination(std::function<std::string()> line) {
  return signals_->add_note(std::move(line));
}

void Tool::print_error(const Error& error) {
  std::string lines = name_ + ": error: " + printable(error.message) + "\n";
  if (!error.hint.empty()) lines += name_ + ": hint: " + printable(error.hint) + "\n";
  line_.print(lines);
  Json event = {{"type", "error"}, {"status", exit_status(error.kind)}, {"kind", error_kind_name(error.kind)}};
  event["reason"] = error.reason.empty() ? Json() : Json(error.reason);
  event["message"] = error.message;
  event["hint"] = error.hint.empty() ? Json() : Json(error.hint);
  line_.print_event(event);
}

void Tool::report(const Error& error) {
  print_error(error);
  std::lock_guard lock(mutex_);
  failures_.push_back(error.kind);
}

int Tool::finish(Status& status) {
  {
    std::lock_guard lock(mutex_);
    bool success = status.ok() && failures_.empty();
    line_.stop(success ? ProgressLine::Ending::kSuccess : ProgressLine::Ending::kFailure);
  }
  if (!status.ok()) report(status.error());
  std::lock_guard lock(mutex_);
  return failures_.empty() ? 0 : exit_status(leading_failure(failures_));
}

// The notes have spoken before the temporaries are held: one may have saved a checkpoint, and then waited for a thread
// that was amid one.
void Tool::die_by(int signal, const std::list<std::string>& notes) {
  run_last_acts();  // they may remove temporaries of their own
  // Nothing after it can hang and leave them. Nor may another thread make new ones, so it is never let go.
  [[maybe_unused]] static auto* const no_more = new auto(remove_temporaries());
  std::string lines;
  for (const auto& note : notes)
    if (!note.empty()) lines += name_ + ": " + printable(note) + "\n";
  const char* abbreviation = sigabbrev_np(signal);
  Json event = {{"type", "error"}, {"status", 128 + signal}, {"kind", "signal"}};
  event["message"] = std::string("ended by SIG") + (abbreviation ? abbreviation : "?");
  line_.last_words(lines, event);
}

int run_tool(ToolSpec spec, int argc, char** argv, const std::function<Status(Tool&)>& run) {
  occupy_standard_descriptors();
  // EPIPE and EFBIG are errors like any other, with a message and a status: never a quiet end.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  std::setlocale(LC_CTYPE, "");
  tool_name_at_exit = (new std::string(spec.name))->c_str();  // for ever: end_by_exception() may come late
  std::set_terminate(end_by_exception);

  StandardOptions standard;
  add_standard_options(spec.options, standard);
  Status usage = spec.options.parse(argc, argv);
  bool only_asked = usage.ok() && (standard.help || standard.version || standard.dump_options || standard.completion);
  if (usage.ok() && !only_asked) usage = spec.options.check_operands();
  if (!usage.ok() && usage.error().kind == ErrorKind::kUsage) {
    std::string& hint = usage.error().hint;
    if (hint.empty()) hint = "try '" + spec.name + " --help'";
  }
  if (standard.quiet && standard.progress.mode == ProgressMode::kAuto) standard.progress.mode = ProgressMode::kNone;
  Verbosity verbosity = standard.quiet     ? Verbosity::kQuiet
                        : standard.verbose ? Verbosity::kVerbose
                                           : Verbosity::kNormal;
  Tool tool(spec.name, verbosity, standard.progress);
  Status done;
  if (!usage.ok())
    done = std::move(usage);
  else if (standard.help)
    done = tool.print(help_text(spec));
  else if (standard.version)
    done = tool.print(spec.name + " " HX_VERSION "\n");
  else if (standard.dump_options)
    done = tool.print(dump_json(options_as_json(spec), 2) + "\n");
  else if (standard.completion)
    done = tool.print(completion_text(spec, *standard.completion));
  else
    done = run_without_exceptions(run, tool);
  // A full file system may only show itself now (NFS).
  if (done.ok() && ::close(STDOUT_FILENO) != 0 && errno != EBADF) done = system_error(errno, "stdout: close");
  int status = tool.finish(done);
  if (!done.ok() && spec.on_error) spec.on_error(done.error());
  return status;
}

}  // namespace hx
