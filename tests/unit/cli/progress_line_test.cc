#include "cli/progress_line.h"
#include "base/json.h"

#include <fcntl.h>
#include <pty.h>
#include <sys/mman.h>
#include <termios.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>

#include "io/unique_fd.h"

using namespace hx;
using namespace std::chrono_literals;

namespace {

class FakeClock : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override { return now_; }
  std::chrono::system_clock::time_point wall_now() const override { return {}; }
  void sleep_for(std::chrono::nanoseconds time) override { now_ += time; }

 private:
  std::chrono::steady_clock::time_point now_{};
};

// A file in memory instead of stderr.
struct Capture {
  UniqueFd fd{memfd_create("stderr", MFD_CLOEXEC)};
  std::string text() const {
    std::string all(65536, '\0');
    ssize_t count = pread(fd.get(), all.data(), all.size(), 0);
    all.resize(count > 0 ? static_cast<size_t>(count) : 0);
    return all;
  }
};

// A terminal of 24 by 80; text() is what was written to it so far.
struct Terminal {
  UniqueFd main_end, terminal;
  Terminal() {
    int a = -1, b = -1;
    winsize size{24, 80, 0, 0};
    termios modes{};
    cfmakeraw(&modes);
    REQUIRE(openpty(&a, &b, nullptr, &modes, &size) == 0);
    main_end.reset(a);
    terminal.reset(b);
    fcntl(a, F_SETFL, O_NONBLOCK);
    setenv("TERM", "xterm", 1);
    setenv("NO_COLOR", "1", 1);
  }
  std::string text() {
    std::string all;
    char piece[4096];
    for (ssize_t count; (count = read(main_end.get(), piece, sizeof piece)) > 0;)
      all.append(piece, static_cast<size_t>(count));
    return all;
  }
};

size_t count_of(const std::string& text, const std::string& what) {
  size_t count = 0;
  for (size_t at = 0; (at = text.find(what, at)) != std::string::npos; at += what.size()) ++count;
  return count;
}

}  // namespace

TEST_CASE("the progress option knows its words and refuses descriptors that are not open") {
  CHECK(parse_progress_choice("none").value().mode == ProgressMode::kNone);
  CHECK(parse_progress_choice("fd:2").value().fd == 2);
  for (const char* bad : {"", "Bar", "fd:", "fd:x", "fd:0", "fd:1", "fd:-1", "fd:2x", "fd:987"}) {
    CAPTURE(bad);
    auto choice = parse_progress_choice(bad);
    REQUIRE_FALSE(choice.ok());
    CHECK(choice.error().kind == ErrorKind::kUsage);
  }
}

TEST_CASE("without a terminal nothing is drawn and nothing summed up") {
  Capture err;
  FakeClock clock;
  Progress progress;
  progress.add_disk("disk0", 1000).covered = 500;
  ProgressLine line(progress, "hx-test", {}, clock, err.fd.get());
  clock.sleep_for(5s);
  line.draw();
  line.stop(ProgressLine::Ending::kSuccess);
  CHECK(err.text().empty());
}

TEST_CASE("what is quick is not drawn, but summed up") {
  Terminal terminal;
  FakeClock clock;
  Progress progress;
  ProgressLine line(progress, "hx-test", {}, clock, terminal.terminal.get());
  line.draw();
  progress.add_disk("disk0", 1000).covered = 500;
  clock.sleep_for(200ms);
  line.draw();
  CHECK(terminal.text().empty());
  line.stop(ProgressLine::Ending::kSuccess);
  CHECK(terminal.text() == "hx-test: disk0: 500 bytes (0 bytes of data) in 0.2 s, 0 bytes/s\n");
}

TEST_CASE("the bar is redrawn in its place and gives way to messages") {
  Terminal terminal;
  FakeClock clock;
  Progress progress;
  DiskProgress& disk = progress.add_disk("disk0", 1000);
  ProgressLine line(progress, "hx-test", {}, clock, terminal.terminal.get());
  clock.sleep_for(1s);
  disk.covered = 250;
  line.draw();
  std::string frame = terminal.text();
  CHECK(frame.starts_with("\rdisk0  "));
  CHECK(frame.find(" 25%") != std::string::npos);
  CHECK(frame.find('\n') == std::string::npos);
  line.print("hx-test: warning: something\n");
  CHECK(terminal.text() == "\r\033[Jhx-test: warning: something\n");
  line.print("again\n");
  CHECK(terminal.text() == "again\n");
  line.draw();
  line.stop(ProgressLine::Ending::kFailure);
  CHECK(terminal.text().ends_with("\r\033[J"));
}

TEST_CASE("several disks have a line each and one for their total") {
  Terminal terminal;
  FakeClock clock;
  Progress progress;
  progress.add_disk("root", 1000).covered = 100;
  progress.add_disk("data-disk", 3000).covered = 900;
  ProgressLine line(progress, "hx-test", {}, clock, terminal.terminal.get());
  clock.sleep_for(1s);
  line.draw();
  std::string frame = terminal.text();
  CHECK(count_of(frame, "\n") == 2);
  CHECK(frame.find("\rroot       ") == 0);
  CHECK(frame.find("\ntotal      ") != std::string::npos);
  CHECK(frame.find(" 25%") != std::string::npos);
  line.draw();
  CHECK(terminal.text().starts_with("\r\033[2Aroot"));
  line.stop(ProgressLine::Ending::kSuccess);
  CHECK(terminal.text().starts_with("\r\033[2A\033[Jhx-test: 2 disks: 1000 bytes"));
}

TEST_CASE("more disks than lines of the screen never scroll it") {
  Terminal terminal;
  FakeClock clock;
  Progress progress;
  for (int i = 0; i < 60; ++i) {
    auto& disk = progress.add_disk("disk" + std::to_string(i), 1000);
    disk.finished = i < 20;
  }
  ProgressLine line(progress, "hx-test", {}, clock, terminal.terminal.get());
  clock.sleep_for(1s);
  line.draw();
  std::string frame = terminal.text();
  CHECK(count_of(frame, "\n") == 22);
  CHECK(frame.find("disk20 ") != std::string::npos);
  CHECK(frame.find("disk19 ") == std::string::npos);
  CHECK(frame.find("total") != std::string::npos);
}

TEST_CASE("a dumb terminal gets a plain line now and then, without escapes") {
  Terminal terminal;
  setenv("TERM", "dumb", 1);
  FakeClock clock;
  Progress progress;
  progress.add_disk("disk0", 1000).covered = 500;
  ProgressLine line(progress, "hx-test", {}, clock, terminal.terminal.get());
  for (int i = 0; i < 120; ++i) {
    clock.sleep_for(100ms);
    line.draw();
  }
  std::string text = terminal.text();
  CHECK(count_of(text, "\n") == 2);
  CHECK(text.find('\033') == std::string::npos);
  CHECK(text.starts_with("hx-test: disk0: 50%, 500 bytes of 1000 bytes"));
}

TEST_CASE("JSON events are objects on lines, once a second, with a summary at the end") {
  Capture err;
  FakeClock clock;
  Progress progress;
  progress.add_disk("a", 1000).covered = 10;
  progress.add_disk("b", 1000).covered = 20;
  ProgressLine line(progress, "hx-test", {ProgressMode::kJson, err.fd.get()}, clock, err.fd.get());
  for (int i = 0; i < 15; ++i) {
    line.draw();
    clock.sleep_for(100ms);
  }
  line.stop(ProgressLine::Ending::kSuccess);
  std::vector<std::string> types;
  std::string text = err.text();
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find('\n', at);
    REQUIRE(end != std::string::npos);
    auto event = parse_json(std::string_view(text).substr(at, end - at));
    REQUIRE(event.ok());
    types.push_back((*event)["type"].get<std::string>());
    at = end + 1;
  }
  CHECK(types ==
        std::vector<std::string>{"progress", "progress", "progress", "progress", "progress", "progress", "summary"});
}

TEST_CASE("a stream as input takes the bar away unless it was asked for") {
  FakeClock clock;
  Progress progress;
  progress.add_disk("disk0", 1000).covered = 500;
  for (ProgressMode mode : {ProgressMode::kAuto, ProgressMode::kBar}) {
    Terminal terminal;
    ProgressLine line(progress, "hx-test", {mode}, clock, terminal.terminal.get());
    line.no_bar_unless_asked();
    clock.sleep_for(1s);
    line.draw();
    CHECK(terminal.text().empty() == (mode == ProgressMode::kAuto));
  }
}

TEST_CASE("one line of progress can be had at any time") {
  Capture err;
  FakeClock clock;
  Progress progress;
  ProgressLine line(progress, "hx-test", {ProgressMode::kNone}, clock, err.fd.get());
  line.print_status_line();
  CHECK(err.text() == "hx-test: nothing moved yet\n");
  progress.add_disk("disk0", 2000).covered = 500;
  line.print_status_line();
  CHECK(err.text().ends_with("hx-test: disk0: 25%, 500 bytes of 1.95 KiB, 0 bytes/s\n"));
}
