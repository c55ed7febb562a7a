#include "cli/run_tool.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "base/json.h"
#include "io/temporary_names.h"

using namespace hx;

namespace {

struct Outcome {
  int status = 0;  // as waitpid(2) gives it
  std::string out, err;
  int exit_code() const { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }
};

std::string drain(int fd) {
  std::string all;
  char piece[4096];
  for (ssize_t count; (count = read(fd, piece, sizeof piece)) > 0;) all.append(piece, static_cast<size_t>(count));
  return all;
}

// A tool in a process of its own, as main() runs it.
class Child {
 public:
  Child(std::vector<std::string> words, const std::function<Status(Tool&)>& run,
        const std::function<void(ToolSpec&)>& refine = {}, const std::function<void()>& before = {}) {
    int out[2], err[2];
    REQUIRE(pipe2(out, O_CLOEXEC) == 0);
    REQUIRE(pipe2(err, O_CLOEXEC) == 0);
    pid_ = fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) {
      dup2(out[1], 1);
      dup2(err[1], 2);
      close(out[1]);  // the only one that holds stdout is fd 1
      close(err[1]);
      for (int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, SIG_DFL);
      if (before) before();
      ToolSpec spec;
      spec.name = "hx-test";
      spec.sentence = "Tests.";
      if (refine) refine(spec);
      std::vector<char*> argv = {const_cast<char*>("hx-test")};
      for (auto& word : words) argv.push_back(word.data());
      argv.push_back(nullptr);
      _exit(run_tool(std::move(spec), static_cast<int>(argv.size()) - 1, argv.data(), run));
    }
    close(out[1]);
    close(err[1]);
    out_ = out[0];
    err_ = err[0];
  }
  Child(const Child&) = delete;
  ~Child() {
    close(out_);
    close(err_);
  }
  char wait_for_byte() const {
    char byte = 0;
    return read(out_, &byte, 1) == 1 ? byte : '\0';
  }
  void send(int signal) const { kill(pid_, signal); }
  int err() const { return err_; }
  Outcome wait() {
    Outcome outcome;
    outcome.out = drain(out_);
    outcome.err = drain(err_);
    waitpid(pid_, &outcome.status, 0);
    return outcome;
  }

 private:
  pid_t pid_;
  int out_ = -1, err_ = -1;
};

Outcome run(std::vector<std::string> words, const std::function<Status(Tool&)>& body,
            const std::function<void(ToolSpec&)>& refine = {}) {
  return Child(std::move(words), body, refine).wait();
}

Status succeed(Tool&) { return {}; }

// Says that it is ready, then waits for a signal.
Status wait_for_ever(Tool& tool) {
  HX_TRY(tool.print("r"));
  for (;;) pause();
}

}  // namespace

TEST_CASE("success is status 0 and silence") {
  Outcome o = run({}, succeed);
  CHECK(o.exit_code() == 0);
  CHECK(o.out.empty());
  CHECK(o.err.empty());
}

TEST_CASE("a failure is one line, its hint another, and its kind the status") {
  Outcome o = run({}, [](Tool&) -> Status { return refused("vm.mirn: exists").with_hint("--force replaces it"); });
  CHECK(o.exit_code() == 10);
  CHECK(o.err == "hx-test: error: vm.mirn: exists\nhx-test: hint: --force replaces it\n");
}

TEST_CASE("a name with control characters stays on its line") {
  Outcome o = run({}, [](Tool&) -> Status { return damaged("a\nb\033[31m: no"); });
  CHECK(o.err == "hx-test: error: a\\x0ab\\x1b[31m: no\n");
}

TEST_CASE("wrong usage is status 2 and points to the help") {
  Outcome o = run({"--nonsense"}, succeed);
  CHECK(o.exit_code() == 2);
  CHECK(o.err == "hx-test: error: unknown option '--nonsense'\nhx-test: hint: try 'hx-test --help'\n");
}

TEST_CASE("help and version go to stdout and need no operands") {
  std::vector<std::string> operands;
  auto refine = [&](ToolSpec& spec) { spec.options.operands("FILE", 1, 1, &operands); };
  auto fail = [](Tool&) -> Status { return bug("must not run"); };
  Outcome help = run({"--help"}, fail, refine);
  CHECK(help.exit_code() == 0);
  CHECK(help.out.starts_with("usage: hx-test [OPTION]... FILE\n"));
  Outcome version = run({"--version"}, fail, refine);
  CHECK(version.exit_code() == 0);
  CHECK(version.out.starts_with("hx-test "));
  Outcome none = run({}, fail, refine);
  CHECK(none.exit_code() == 2);
}

TEST_CASE("help that cannot be written is a failure") {
  Child child({"--help"}, succeed, {}, [] { dup2(open("/dev/full", O_WRONLY), 1); });
  Outcome o = child.wait();
  CHECK(o.exit_code() == 7);
  CHECK(o.err.find("No space left") != std::string::npos);
}

TEST_CASE("the options describe themselves as JSON") {
  Outcome o = run({"--dump-options"}, succeed);
  auto json = parse_json(o.out);
  REQUIRE(json.ok());
  CHECK((*json)["tool"] == "hx-test");
  CHECK((*json)["options"].size() == 5);
}

TEST_CASE("an exception that nobody caught is status 9, in the tool and in its threads") {
  CHECK(run({}, [](Tool&) -> Status { throw std::runtime_error("oh"); }).err ==
        "hx-test: error: unexpected exception: oh\n");
  Outcome memory = run({}, [](Tool&) -> Status { throw std::bad_alloc(); });
  CHECK(memory.exit_code() == 9);
  CHECK(memory.err == "hx-test: error: out of memory\n");
  Outcome thread = run({}, [](Tool&) -> Status {
    std::thread([] { throw std::bad_alloc(); }).join();
    return {};
  });
  CHECK(thread.exit_code() == 9);
  CHECK(thread.err == "hx-test: error: out of memory\n");
}

TEST_CASE("of several reported failures the leading one gives the status") {
  Outcome o = run({}, [](Tool& tool) -> Status {
    tool.report(damaged("a: broken"));
    tool.report(unsupported("b: unknown"));
    return {};
  });
  CHECK(o.exit_code() == 8);
  CHECK(o.err == "hx-test: error: a: broken\nhx-test: error: b: unknown\n");
}

TEST_CASE("remarks respect quiet and verbose, errors do not") {
  auto body = [](Tool& tool) -> Status {
    tool.warn("w");
    tool.say("s");
    tool.explain("e");
    return damaged("d");
  };
  CHECK(run({"-q"}, body).err == "hx-test: error: d\n");
  CHECK(run({}, body).err == "hx-test: warning: w\nhx-test: s\nhx-test: error: d\n");
  CHECK(run({"-v"}, body).err == "hx-test: warning: w\nhx-test: s\nhx-test: e\nhx-test: error: d\n");
}

TEST_CASE("with JSON progress a failure is an event too") {
  Outcome o =
      run({"--progress", "json"}, [](Tool&) -> Status { return source_changed("disk: changed").with_reason("mtime"); });
  CHECK(o.exit_code() == 3);
  size_t second = o.err.find('\n') + 1;
  auto event = parse_json(std::string_view(o.err).substr(second));
  REQUIRE(event.ok());
  CHECK((*event)["type"] == "error");
  CHECK((*event)["status"] == 3);
  CHECK((*event)["kind"] == "changed");
  CHECK((*event)["reason"] == "mtime");
  CHECK((*event)["message"] == "disk: changed");
}

TEST_CASE("the hook for failures hears of usage errors as well") {
  auto refine = [](ToolSpec& spec) {
    spec.on_error = [](const Error& error) {
      std::string line = "hook: " + error.message;
      [[maybe_unused]] ssize_t count = write(1, line.data(), line.size());
    };
  };
  CHECK(run({"-x"}, succeed, refine).out == "hook: unknown option '-x'");
  CHECK(run(
            {}, [](Tool&) -> Status { return damaged("d"); }, refine)
            .out == "hook: d");
  CHECK(run({}, succeed, refine).out.empty());
}

TEST_CASE("a reader that went away is an error, not a signal") {
  Child child(
      {}, [](Tool& tool) -> Status { return tool.print("data"); }, {},
      [] {
        int ends[2];
        if (pipe(ends) != 0) _exit(99);
        dup2(ends[1], 1);
        close(ends[0]);
        close(ends[1]);
      });
  Outcome o = child.wait();
  CHECK(o.exit_code() == 1);
  CHECK(o.err.find("closed by its reader") != std::string::npos);
}

TEST_CASE("a closed stdout takes no file's place") {
  Child child(
      {},
      [](Tool& tool) -> Status {
        int fd = open("/dev/null", O_WRONLY);
        if (fd < 3) return bug("the number of a standard descriptor was given away");
        return tool.print("data");
      },
      {}, [] { close(1); });
  Outcome o = child.wait();
  CHECK(o.exit_code() == 9);
  CHECK(o.err.find("Bad file descriptor") != std::string::npos);
}

TEST_CASE("a terminating signal says how far it came, removes temporary files and is raised again") {
  const int signal = GENERATE(SIGINT, SIGTERM, SIGHUP);
  char dir[] = "/tmp/hx-run-tool.XXXXXX";
  REQUIRE(mkdtemp(dir));
  std::string temporary = std::string(dir) + "/.vm.mirn.tmp";
  Child child({}, [&](Tool& tool) -> Status {
    std::ofstream(temporary) << "half";
    register_temporary(temporary);
    auto note = tool.on_termination([] { return std::string("the target is written up to 4096"); });
    {
      auto gone = tool.on_termination([] { return std::string("not this one"); });
    }
    return wait_for_ever(tool);
  });
  REQUIRE(child.wait_for_byte() == 'r');
  CHECK(std::filesystem::exists(temporary));
  child.send(signal);
  Outcome o = child.wait();
  REQUIRE(WIFSIGNALED(o.status));
  CHECK(WTERMSIG(o.status) == signal);
  CHECK(o.err == "hx-test: the target is written up to 4096\n");
  CHECK_FALSE(std::filesystem::exists(temporary));
  std::filesystem::remove_all(dir);
}

TEST_CASE("a signal that was ignored when the tool began stays ignored") {
  Child child({}, wait_for_ever, {}, [] { std::signal(SIGHUP, SIG_IGN); });
  REQUIRE(child.wait_for_byte() == 'r');
  child.send(SIGHUP);
  child.send(SIGTERM);
  Outcome o = child.wait();
  REQUIRE(WIFSIGNALED(o.status));
  CHECK(WTERMSIG(o.status) == SIGTERM);
}

TEST_CASE("SIGUSR1 prints a line of progress and the tool goes on") {
  Child child({}, [](Tool& tool) -> Status {
    tool.progress().add_disk("disk0", 1000).covered = 500;
    return wait_for_ever(tool);
  });
  REQUIRE(child.wait_for_byte() == 'r');
  child.send(SIGUSR1);
  char line[200];
  ssize_t count = read(child.err(), line, sizeof line);
  REQUIRE(count > 0);
  CHECK(std::string_view(line, static_cast<size_t>(count)).starts_with("hx-test: disk0: 50%, 500 bytes of 1000 bytes"));
  child.send(SIGTERM);
  CHECK(WIFSIGNALED(child.wait().status));
}
