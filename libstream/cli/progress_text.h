#pragma once
// How progress looks, as pure functions: lines for people, objects for programs.

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "base/json_fwd.h"

namespace hx {

// A disk (or their total) at one moment. Bytes; rates in bytes a second, of data; eta in seconds.
struct DiskView {
  std::string name;
  uint64_t covered = 0, total = 0, moved = 0;  // total 0: unknown
  bool finished = false;
  double rate = 0;
  std::optional<double> eta;
};

// Rate and time left over the last few seconds. Rate counts data; the time left counts what is covered, holes included,
// as only of that the total is known. One thread.
class RateMeter {
 public:
  void add(std::chrono::steady_clock::time_point now, uint64_t covered, uint64_t moved);
  double rate() const;
  std::optional<double> eta(uint64_t total) const;

 private:
  struct Sample {
    std::chrono::steady_clock::time_point at;
    uint64_t covered, moved;
  };
  std::deque<Sample> samples_;
};

struct LineStyle {
  int columns = 80;
  bool unicode = false, color = false;
};

// "web-01  ━━━━━━━━━───────  42%  13.4 GiB of 32.0 GiB  812 MiB/s  0:23", exactly style.columns - 1 columns or fewer:
// parts are left out as it gets narrow. name_columns: of the longest name, so that several lines stand under each
// other.
std::string format_progress_line(const DiskView&, int name_columns, const LineStyle&);
// Without bar and escapes: "web-01: 42%, 13.4 GiB of 32.0 GiB, 812 MiB/s, 0:23 left".
std::string format_status(const DiskView&);
// "web-01: 32.0 GiB (12.3 GiB of data) in 41 s, 307 MiB/s"; seconds: of the whole run.
std::string format_summary(const DiskView&, double seconds);
std::string format_duration(double seconds);  // "0:07", "12:34", "3:02:01", "4d 03:02"
DiskView total_of(const std::vector<DiskView>&);

// {"type":"progress","disk":NAME,"bytes":N,"total":N|null,"data":N,"rate":N,"eta":N|null}
Json progress_event(const DiskView&);
// {"type":"summary","disks":N,"bytes":N,"data":N,"seconds":N,"rate":N}
Json summary_event(const std::vector<DiskView>&, double seconds);

}  // namespace hx
