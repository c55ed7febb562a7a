#include "tracking/cbt_report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "base/clock.h"
#include "base/json.h"
#include "base/size_text.h"
#include "base/time_text.h"

namespace hx {
namespace {

std::vector<TrackedDisk> tracked_disks(const MachineTracking& machine) {
  std::vector<TrackedDisk> disks;
  for (const DiskTracking& disk : machine.disks)
    disks.push_back({disk.key, disk.path, disk.capacity_bytes, disk.change_token, disk.backing_info});
  return disks;
}

Json disks_to_json(const std::vector<TrackedDisk>& disks) {
  Json list = Json::array();
  for (const TrackedDisk& disk : disks)
    list.push_back({{"key", disk.key},
                    {"path", disk.path},
                    {"capacity_bytes", disk.capacity_bytes},
                    {"change_id", disk.change_id},
                    {"backing_info", disk.backing_info}});
  return list;
}

Json last_export(const std::optional<ExportMetadata>& previous) {
  if (!previous) return Json();
  return {{"vm_id", previous->vm_id},
          {"export_time", format_rfc3339(previous->export_time)},
          {"total_size", previous->total_size},
          {"disk_info", disks_to_json(previous->disks)}};
}

Json decision_to_json(const CbtReport& report) {
  return {{"vm_path", report.location},
          {"can_incremental", report.decision.can_incremental},
          {"full_recommended", report.decision.full_recommended},
          {"reason", report.decision.text},
          {"reason_code", report.decision.code},
          {"last_export", last_export(report.previous)}};
}

std::string duration_text(double seconds) {
  return format_age(std::chrono::seconds(static_cast<int64_t>(std::ceil(std::max(seconds, 1.0)))));
}

std::string head(const CbtReport& report) {
  std::string text = report.machine.vm + "\n";
  for (const DiskTracking& disk : report.machine.disks) {
    text += "  " + disk.key + ": " + format_size(disk.capacity_bytes) + ", " + disk.backing_info + ", ";
    if (disk.is_recording)
      text += "tracked since " + std::to_string(disk.points) + (disk.points == 1 ? " point" : " points") +
              (disk.is_persistent ? "" : "; not saved when it ends");
    else
      text += disk.reason == "cbt-disabled" ? "not tracked" : disk.text;
    text += "\n";
  }
  if (report.previous)
    text += "  last export: " + format_rfc3339(report.previous->export_time) + ", " +
            format_size(report.previous->total_size) + "\n";
  return text + "  " + (report.decision.can_incremental ? "increment: " : "full: ") + report.decision.text + " (" +
         report.decision.code + ")\n";
}

}  // namespace

TrackedMachine tracked_machine(const MachineTracking& machine) {
  TrackedMachine tracked;
  tracked.disks = tracked_disks(machine);
  tracked.cbt_enabled = !machine.disks.empty();
  for (const DiskTracking& disk : machine.disks) {
    if (disk.points == 0) tracked.cbt_enabled = false;
    if (tracked.provider_reason.empty()) tracked.provider_reason = disk.reason, tracked.provider_text = disk.text;
  }
  return tracked;
}

uint64_t CbtReport::total_bytes() const {
  uint64_t sum = 0;
  for (const DiskTracking& disk : machine.disks) sum += disk.capacity_bytes;
  return sum;
}

std::optional<uint64_t> CbtReport::changed_bytes() const {
  if (!decision.can_incremental) return std::nullopt;
  uint64_t sum = 0;
  for (const DiskTracking& disk : machine.disks) {
    if (!disk.changed_bytes) return std::nullopt;
    sum += *disk.changed_bytes;
  }
  return sum;
}

std::optional<double> CbtReport::seconds() const {
  const auto changed = changed_bytes();
  if (!changed || !previous || previous->duration_seconds <= 0 || previous->total_size == 0) return std::nullopt;
  return static_cast<double>(*changed) * previous->duration_seconds / static_cast<double>(previous->total_size);
}

Json status_to_json(const CbtReport& report) {
  Json json = decision_to_json(report);
  json["cbt_enabled"] = tracked_machine(report.machine).cbt_enabled;
  json["disks"] = disks_to_json(tracked_disks(report.machine));
  return json;
}

Json analysis_to_json(const CbtReport& report) {
  Json json = decision_to_json(report);
  json["current_disks"] = disks_to_json(tracked_disks(report.machine));
  const auto changed = report.changed_bytes();
  const auto seconds = report.seconds();
  json["estimated_changed_bytes"] = changed ? Json(*changed) : Json();
  const uint64_t full = report.previous ? report.previous->total_size : report.total_bytes();
  json["estimated_savings_bytes"] = changed ? Json(full > *changed ? full - *changed : 0) : Json();
  json["estimated_duration"] = seconds ? Json(duration_text(*seconds)) : Json();
  return json;
}

std::string format_status(const CbtReport& report) { return head(report); }

std::string format_analysis(const CbtReport& report) {
  std::string text = head(report);
  const auto changed = report.changed_bytes();
  if (!changed) return text;
  const uint64_t full = report.previous->total_size;
  text += "  changed: at most " + format_size(*changed) + "\n";
  if (full > *changed) {
    char percent[16];
    std::snprintf(percent, sizeof percent, "%.1f",
                  100.0 * static_cast<double>(full - *changed) / static_cast<double>(full));
    text += "  saved: " + format_size(full - *changed) + " (" + percent + " %)\n";
  }
  if (const auto seconds = report.seconds()) text += "  time: about " + duration_text(*seconds) + "\n";
  return text;
}

}  // namespace hx
