#include "tracking/decision.h"

#include <algorithm>

#include "base/time_text.h"

namespace hx {
namespace {

Decision full(const char* code, std::string text) { return {false, true, code, std::move(text)}; }

// What differs, or "".
std::string topology_change(const std::vector<TrackedDisk>& now, const std::vector<TrackedDisk>& then) {
  if (now.size() != then.size())
    return "it has " + std::to_string(now.size()) + " disks now, and had " + std::to_string(then.size());
  for (const TrackedDisk& disk : now) {
    const auto before = std::ranges::find(then, disk.key, &TrackedDisk::key);
    if (before == then.end()) return "disk " + disk.key + " is new";
    if (before->capacity_bytes != disk.capacity_bytes)
      return "disk " + disk.key + " has " + std::to_string(disk.capacity_bytes) + " bytes now, and had " +
             std::to_string(before->capacity_bytes);
    if (before->path != disk.path) return "disk " + disk.key + " is another file now: " + disk.path;
    if (before->backing_info != disk.backing_info) return "disk " + disk.key + " is made of something else now";
  }
  return "";
}

}  // namespace

Decision decide(const TrackedMachine& machine, const std::optional<ExportMetadata>& previous,
                std::chrono::system_clock::time_point now, const DecisionRules& rules) {
  if (rules.force_full) return full("forced", "a full export was asked for");
  if (!machine.cbt_enabled) return full("cbt-disabled", "changes are not tracked");
  if (!previous) return full("no-baseline", "there is no previous export");
  if (const std::string change = topology_change(machine.disks, previous->disks); !change.empty())
    return full("topology-changed", change);
  if (std::ranges::any_of(previous->disks, [](const TrackedDisk& disk) { return disk.change_id.empty(); }))
    return full("baseline-without-cbt", "the previous export has no change tokens");
  if (!machine.provider_reason.empty()) return {false, true, machine.provider_reason, machine.provider_text};
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(now - previous->export_time);
  if (age > rules.max_age)
    return {true, true, "baseline-old",
            "the previous export is " + format_age(age) + " old: a full one is recommended"};
  return {true, false, "possible", "an incremental export is possible"};
}

}  // namespace hx
