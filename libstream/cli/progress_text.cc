#include "cli/progress_text.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/json.h"
#include "base/size_text.h"
#include "cli/printable.h"
#include "cli/terminal.h"

namespace hx {
namespace {

using std::chrono::duration;
using std::chrono::steady_clock;

constexpr auto kWindow = std::chrono::seconds(8);  // long enough to be calm, short enough to follow a change
constexpr int kWidestName = 24, kNarrowestBar = 10, kWidestBar = 40;

double seconds_between(steady_clock::time_point from, steady_clock::time_point to) {
  return duration<double>(to - from).count();
}

// 100 only at the end: "99%" for long is true, "100%" for long is a lie.
std::string percent(const DiskView& disk) {
  if (disk.finished) return "100%";
  if (disk.total == 0) return "";
  double part = static_cast<double>(disk.covered) / static_cast<double>(disk.total);
  return std::to_string(std::min(99, static_cast<int>(part * 100))) + "%";
}

std::string amount(const DiskView& disk) {
  if (disk.total == 0 || disk.finished) return format_size(disk.covered);
  return format_size(disk.covered) + " of " + format_size(disk.total);
}

std::string rate_text(double rate) { return format_size(static_cast<uint64_t>(rate)) + "/s"; }

std::string left_pad(std::string text, int columns) {
  int missing = columns - columns_of(text);
  return missing > 0 ? std::string(static_cast<size_t>(missing), ' ') + text : text;
}

std::string right_pad(std::string text, int columns) {
  int missing = columns - columns_of(text);
  return missing > 0 ? text + std::string(static_cast<size_t>(missing), ' ') : text;
}

std::string repeated(const char* piece, int count) {
  std::string text;
  for (int i = 0; i < count; ++i) text += piece;
  return text;
}

std::string bar(const DiskView& disk, int columns, const LineStyle& style) {
  double part = disk.finished ? 1.0
                : disk.total  ? static_cast<double>(disk.covered) / static_cast<double>(disk.total)
                              : 0.0;
  if (!style.unicode) {
    int inner = columns - 2, done = std::clamp(static_cast<int>(part * inner), 0, inner);
    return "[" + repeated("#", done) + repeated(".", inner - done) + "]";
  }
  // Half steps: the end of the line moves twice as smoothly.
  int halves = std::clamp(static_cast<int>(part * columns * 2), 0, columns * 2);
  std::string done = repeated("━", halves / 2) + (halves % 2 ? "╸" : "");
  std::string rest = repeated("─", columns - (halves + 1) / 2);
  return style.color && !rest.empty() ? done + "\033[2m" + rest + "\033[0m" : done + rest;
}

}  // namespace

void RateMeter::add(steady_clock::time_point now, uint64_t covered, uint64_t moved) {
  samples_.push_back({now, covered, moved});
  while (samples_.size() > 2 && now - samples_[1].at >= kWindow) samples_.pop_front();
}

double RateMeter::rate() const {
  if (samples_.size() < 2) return 0;
  const auto &first = samples_.front(), &last = samples_.back();
  double seconds = seconds_between(first.at, last.at);
  return seconds > 0 && last.moved > first.moved ? static_cast<double>(last.moved - first.moved) / seconds : 0;
}

std::optional<double> RateMeter::eta(uint64_t total) const {
  if (samples_.size() < 2 || total == 0) return std::nullopt;
  const auto &first = samples_.front(), &last = samples_.back();
  if (last.covered >= total) return 0.0;
  double seconds = seconds_between(first.at, last.at);
  if (seconds <= 0 || last.covered <= first.covered) return std::nullopt;
  return static_cast<double>(total - last.covered) * seconds / static_cast<double>(last.covered - first.covered);
}

std::string format_duration(double seconds) {
  if (!(seconds >= 0) || seconds > 1e9) return "-:--";
  auto whole = static_cast<long>(std::ceil(seconds));
  char text[32];
  if (whole < 3600)
    snprintf(text, sizeof text, "%ld:%02ld", whole / 60, whole % 60);
  else if (whole < 86400)
    snprintf(text, sizeof text, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
  else
    snprintf(text, sizeof text, "%ldd %02ld:%02ld", whole / 86400, whole / 3600 % 24, whole / 60 % 60);
  return text;
}

std::string format_progress_line(const DiskView& disk, int name_columns, const LineStyle& style) {
  const int columns = style.columns - 1;  // the last column would move the cursor to the next line
  std::string eta = disk.finished ? "" : disk.eta ? format_duration(*disk.eta) : "-:--";
  // From the right: what may be left out first stands last in this list.
  const std::string parts[] = {left_pad(percent(disk), 4), left_pad(amount(disk), 21),
                               left_pad(rate_text(disk.rate), 10), left_pad(eta, 7)};
  const int name_width = std::min({name_columns, kWidestName, std::max(columns / 3, 8)});
  std::string name = right_pad(fit_columns(printable(disk.name), name_width, style.unicode), name_width);
  size_t shown = std::size(parts);
  int room = 0;
  auto measure = [&] {
    room = columns - name_width;
    for (size_t i = 0; i < shown; ++i) room -= 2 + columns_of(parts[i]);
    return room;
  };
  while (shown > 1 && measure() < 2 + kNarrowestBar) --shown;
  measure();
  std::string line = name;
  if (room >= 2 + kNarrowestBar) line += "  " + bar(disk, std::min(room - 2, kWidestBar), style);
  for (size_t i = 0; i < shown; ++i) line += "  " + parts[i];
  return room >= 0 ? line : fit_columns(line, columns, style.unicode);
}

std::string format_status(const DiskView& disk) {
  std::string part = percent(disk);
  std::string text =
      printable(disk.name) + ": " + (part.empty() ? "" : part + ", ") + amount(disk) + ", " + rate_text(disk.rate);
  if (disk.eta && !disk.finished) text += ", " + format_duration(*disk.eta) + " left";
  return text;
}

std::string format_summary(const DiskView& disk, double seconds) {
  std::string text = printable(disk.name) + ": " + format_size(disk.covered);
  if (disk.moved != disk.covered) text += " (" + format_size(disk.moved) + " of data)";
  char took[32];
  if (seconds < 10)
    snprintf(took, sizeof took, "%.1f s", seconds);
  else if (seconds < 100)
    snprintf(took, sizeof took, "%.0f s", seconds);
  else
    snprintf(took, sizeof took, "%s", format_duration(seconds).c_str());
  text += std::string(" in ") + took;
  if (seconds >= 0.1) text += ", " + rate_text(static_cast<double>(disk.moved) / seconds);
  return text;
}

DiskView total_of(const std::vector<DiskView>& disks) {
  DiskView all;
  all.finished = !disks.empty();
  bool all_known = true;
  for (const auto& disk : disks) {
    all.covered += disk.covered;
    all.moved += disk.moved;
    all.total += disk.total;
    all_known &= disk.total != 0;
    all.finished &= disk.finished;
  }
  if (!all_known) all.total = 0;
  all.name = "total";
  return all;
}

Json progress_event(const DiskView& disk) {
  Json event = {{"type", "progress"}, {"disk", disk.name}, {"bytes", disk.covered}};
  event["total"] = disk.total ? Json(disk.total) : Json();
  event["data"] = disk.moved;
  event["rate"] = static_cast<uint64_t>(disk.rate);
  event["eta"] = disk.eta ? Json(std::round(*disk.eta * 10) / 10) : Json();
  return event;
}

Json summary_event(const std::vector<DiskView>& disks, double seconds) {
  DiskView all = total_of(disks);
  uint64_t rate = seconds > 0 ? static_cast<uint64_t>(static_cast<double>(all.moved) / seconds) : 0;
  return {{"type", "summary"},
          {"disks", disks.size()},
          {"bytes", all.covered},
          {"data", all.moved},
          {"seconds", std::round(seconds * 1000) / 1000},
          {"rate", rate}};
}

}  // namespace hx
