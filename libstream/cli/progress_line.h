#pragma once
// Shows a Progress on stderr (or as JSON on any descriptor) while it moves, and shares stderr with messages.

#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/json_fwd.h"
#include "base/result.h"
#include "cli/progress_text.h"
#include "io/progress.h"

namespace hx {

// --progress. kAuto: a bar if stderr is a terminal.
enum class ProgressMode : uint8_t { kAuto, kBar, kJson, kNone };
struct ProgressChoice {
  ProgressMode mode = ProgressMode::kAuto;
  int fd = 2;  // where JSON goes
};
// "auto", "bar", "json", "none", "fd:N" (JSON on N, which must be open and not stdin or stdout). kUsage.
Result<ProgressChoice> parse_progress_choice(std::string_view text);

// Draws in a thread of its own, at most ten times a second, JSON once a second; nothing before the first 300 ms, so
// that what is quick is not seen. Failed writes are ignored: a progress display never fails a backup. Any thread, but
// start() and stop() one.
class ProgressLine {
 public:
  ProgressLine(const Progress&, std::string tool, ProgressChoice, Clock&, int fd = 2);
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;

  void start();
  enum class Ending : uint8_t { kSuccess, kFailure };
  // The bar goes away; after a success a summary takes its place.
  void stop(Ending);

  void no_bar_unless_asked();
  void draw();                          // one step of the thread: public for tests, which bring their own clock
  void print(std::string_view lines);   // whole lines, above the bar
  void print_event(const Json& event);  // a line of JSON, if JSON was chosen
  void print_status_line();             // SIGUSR1
  // The process dies: takes the bar away for good and prints lines and event, unless a write that hangs holds the
  // screen: then gives up after a moment.
  void last_words(std::string_view lines, const Json& event);

 private:
  void run();
  void erase();
  // Disks as they are now; with several of them their total comes last.
  std::vector<DiskView> look();
  void draw_bars(const std::vector<DiskView>&);
  void draw_plain(const std::vector<DiskView>&);
  void draw_events(const std::vector<DiskView>&);
  void summarize();

  const Progress& progress_;
  const std::string tool_;
  ProgressChoice choice_;
  Clock& clock_;
  const int fd_;
  const std::chrono::steady_clock::time_point begun_;

  std::mutex mutex_;  // of all below, and of what is on the screen
  std::condition_variable changed_;
  std::thread thread_;
  bool stopping_ = false;
  int lines_shown_ = 0;
  struct Meter {
    RateMeter rate;
    bool is_new = true, is_closed = false;  // closed: the disk is finished, its rate stays
  };
  void measure(DiskView&, Meter&);
  std::vector<Meter> meters_;  // one a disk
  Meter total_meter_;
  std::chrono::steady_clock::time_point last_look_;
  std::chrono::steady_clock::time_point next_event_;  // or plain line
};

}  // namespace hx
