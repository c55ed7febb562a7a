#include "cli/progress_line.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <utility>

#include "base/json.h"
#include "cli/printable.h"
#include "cli/terminal.h"

namespace hx {
namespace {

using namespace std::chrono_literals;

constexpr auto kFrame = 100ms;     // ten redraws a second
constexpr auto kPatience = 300ms;  // what is done by then is never drawn
constexpr auto kEventEvery = 1s;
constexpr auto kPlainEvery = 10s;  // where the cursor cannot be moved
constexpr auto kRetry = 10ms;
constexpr auto kLastChance = 200ms;  // how long a dying process waits for a write that hangs

std::string event_line(const Json& event) { return printable_json(dump_json(event)) + "\n"; }

void write_ignoring_errors(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return;
    bytes.remove_prefix(static_cast<size_t>(count));
  }
}

}  // namespace

Result<ProgressChoice> parse_progress_choice(std::string_view text) {
  if (text == "auto") return ProgressChoice{ProgressMode::kAuto};
  if (text == "bar") return ProgressChoice{ProgressMode::kBar};
  if (text == "json") return ProgressChoice{ProgressMode::kJson};
  if (text == "none") return ProgressChoice{ProgressMode::kNone};
  if (text.starts_with("fd:")) {
    int fd = -1;
    auto [end, failure] = std::from_chars(text.data() + 3, text.data() + text.size(), fd);
    if (failure == std::errc() && end == text.data() + text.size() && fd >= 2) {
      if (fcntl(fd, F_GETFD) < 0) return usage_error("descriptor " + std::to_string(fd) + " is not open");
      return ProgressChoice{ProgressMode::kJson, fd};
    }
  }
  return usage_error("'" + std::string(text) + "' is not one of auto, bar, json, none, fd:N (N from 2)");
}

ProgressLine::ProgressLine(const Progress& progress, std::string tool, ProgressChoice choice, Clock& clock, int fd)
    : progress_(progress),
      tool_(std::move(tool)),
      choice_(choice),
      clock_(clock),
      fd_(fd),
      begun_(clock.now()),
      last_look_(begun_),
      next_event_(begun_) {
  if (choice_.mode == ProgressMode::kAuto && !is_terminal(fd_)) choice_.mode = ProgressMode::kNone;
}

ProgressLine::~ProgressLine() {
  if (thread_.joinable()) stop(Ending::kFailure);
}

void ProgressLine::no_bar_unless_asked() {
  std::lock_guard lock(mutex_);
  if (choice_.mode == ProgressMode::kAuto) choice_.mode = ProgressMode::kNone;
}

void ProgressLine::start() {
  thread_ = std::thread([this] { run(); });
}

void ProgressLine::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    changed_.wait_for(lock, kFrame, [this] { return stopping_; });
    if (stopping_) return;
    lock.unlock();
    draw();
    lock.lock();
  }
}

void ProgressLine::stop(Ending ending) {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
  std::lock_guard lock(mutex_);
  erase();
  if (ending == Ending::kSuccess) summarize();
}

std::vector<DiskView> ProgressLine::look() {
  std::vector<DiskView> disks;
  progress_.for_each([&](const DiskProgress& disk) {
    DiskView view;
    view.name = disk.name;
    view.total = disk.total;
    view.covered = disk.covered.load(std::memory_order_relaxed);
    view.moved = disk.moved.load(std::memory_order_relaxed);
    view.finished = disk.finished.load(std::memory_order_relaxed);
    if (meters_.size() <= disks.size()) meters_.emplace_back();
    measure(view, meters_[disks.size()]);
    disks.push_back(std::move(view));
  });
  if (disks.size() > 1) {
    disks.push_back(total_of(disks));
    measure(disks.back(), total_meter_);
  }
  last_look_ = clock_.now();
  return disks;
}

void ProgressLine::measure(DiskView& disk, Meter& meter) {
  // A disk began after the last look, with nothing: so even a quick one has a rate.
  if (std::exchange(meter.is_new, false)) meter.rate.add(last_look_, 0, 0);
  if (!meter.is_closed) meter.rate.add(clock_.now(), disk.covered, disk.moved);
  meter.is_closed = disk.finished;
  disk.rate = meter.rate.rate();
  disk.eta = meter.rate.eta(disk.total);
}

void ProgressLine::draw() {
  std::lock_guard lock(mutex_);
  auto disks = look();  // in every mode: SIGUSR1 may ask for the rate
  if (disks.empty()) return;
  switch (choice_.mode) {
    case ProgressMode::kNone:
      return;
    case ProgressMode::kJson:
      return draw_events(disks);
    case ProgressMode::kAuto:
    case ProgressMode::kBar:
      if (clock_.now() - begun_ < kPatience) return;
      return is_terminal(fd_) && terminal_look().cursor ? draw_bars(disks) : draw_plain(disks);
  }
}

void ProgressLine::draw_bars(const std::vector<DiskView>& disks) {
  const TerminalSize size = terminal_size(fd_);
  const TerminalLook look = terminal_look();
  const LineStyle style{.columns = size.columns, .unicode = look.unicode, .color = look.color};
  // Where not all fit on the screen, those that are done give way.
  size_t room = static_cast<size_t>(std::max(size.rows - 1, 1));
  size_t surplus = disks.size() > room ? disks.size() - room : 0;
  int name_columns = 0;
  for (const auto& disk : disks) name_columns = std::max(name_columns, columns_of(printable(disk.name)));
  std::string frame = "\r";
  if (lines_shown_ > 1) frame += "\033[" + std::to_string(lines_shown_ - 1) + "A";
  int shown = 0;
  for (const auto& disk : disks) {
    bool is_last = &disk == &disks.back();
    if (surplus > 0 && disk.finished && !is_last) {
      --surplus;
      continue;
    }
    if (static_cast<size_t>(shown) + 1 >= room && !is_last) continue;
    if (shown++ > 0) frame += "\n";
    frame += format_progress_line(disk, name_columns, style) + "\033[K";
  }
  frame += "\033[J\r";  // there a terminal's echo of ^C is wiped away with the bar
  lines_shown_ = shown;
  write_ignoring_errors(fd_, frame);
}

void ProgressLine::draw_plain(const std::vector<DiskView>& disks) {
  if (clock_.now() < next_event_) return;
  next_event_ = clock_.now() + kPlainEvery;
  write_ignoring_errors(fd_, tool_ + ": " + format_status(disks.back()) + "\n");
}

void ProgressLine::draw_events(const std::vector<DiskView>& disks) {
  if (clock_.now() < next_event_) return;
  next_event_ = clock_.now() + kEventEvery;
  std::string lines;
  for (size_t i = 0; i < disks.size(); ++i)
    if (disks.size() == 1 || i + 1 < disks.size()) lines += event_line(progress_event(disks[i]));
  write_ignoring_errors(choice_.fd, lines);
}

void ProgressLine::summarize() {
  auto disks = look();
  if (disks.empty() || choice_.mode == ProgressMode::kNone) return;
  double seconds = std::chrono::duration<double>(clock_.now() - begun_).count();
  if (choice_.mode == ProgressMode::kJson) {
    if (disks.size() > 1) disks.pop_back();
    std::string lines;
    for (const auto& disk : disks) lines += event_line(progress_event(disk));
    return write_ignoring_errors(choice_.fd, lines + event_line(summary_event(disks, seconds)));
  }
  DiskView& all = disks.back();
  if (disks.size() > 1) all.name = std::to_string(disks.size() - 1) + " disks";
  write_ignoring_errors(fd_, tool_ + ": " + format_summary(all, seconds) + "\n");
}

void ProgressLine::erase() {
  if (lines_shown_ == 0) return;
  std::string up = lines_shown_ > 1 ? "\033[" + std::to_string(lines_shown_ - 1) + "A" : "";
  write_ignoring_errors(fd_, "\r" + up + "\033[J");
  lines_shown_ = 0;
}

void ProgressLine::print(std::string_view lines) {
  std::lock_guard lock(mutex_);
  erase();
  write_ignoring_errors(fd_, lines);
}

void ProgressLine::print_event(const Json& event) {
  std::lock_guard lock(mutex_);
  if (choice_.mode == ProgressMode::kJson) write_ignoring_errors(choice_.fd, event_line(event));
}

void ProgressLine::print_status_line() {
  std::lock_guard lock(mutex_);
  auto disks = look();
  erase();
  write_ignoring_errors(fd_, tool_ + ": " + (disks.empty() ? "nothing moved yet" : format_status(disks.back())) + "\n");
}

void ProgressLine::last_words(std::string_view lines, const Json& event) {
  // Not a timed_mutex: ThreadSanitizer does not know its lock.
  std::unique_lock lock(mutex_, std::try_to_lock);
  for (auto waited = 0ms; !lock.owns_lock(); waited += kRetry) {
    if (waited >= kLastChance) return;
    std::this_thread::sleep_for(kRetry);
    (void)lock.try_lock();
  }
  erase();
  write_ignoring_errors(fd_, lines);
  if (choice_.mode == ProgressMode::kJson) write_ignoring_errors(choice_.fd, event_line(event));
  choice_.mode = ProgressMode::kNone;
}

}  // namespace hx
