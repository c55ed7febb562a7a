#include "tracking/decision.h"

#include <catch2/catch.hpp>

#include "base/json.h"
#include "tracking/cbt_report.h"

using namespace hx;
using namespace std::chrono_literals;

namespace {

const auto kNow = std::chrono::system_clock::time_point(std::chrono::seconds(1'770'000'000));

TrackedDisk disk(const std::string& key) { return {key, "/vm/" + key, 1 << 30, "token-" + key, "qcow2"}; }
TrackedMachine machine() { return {true, {disk("vd0"), disk("vd1")}, "", ""}; }
ExportMetadata previous() {
  ExportMetadata metadata;
  metadata.vm_id = "vm";
  metadata.export_time = kNow - 24h;
  metadata.total_size = 1000;
  metadata.duration_seconds = 100;
  metadata.disks = {disk("vd0"), disk("vd1")};
  return metadata;
}
std::string code(const TrackedMachine& now, const std::optional<ExportMetadata>& then,
                 const DecisionRules& rules = {}) {
  const Decision decision = decide(now, then, kNow, rules);
  CHECK(decision.can_incremental == (decision.code == "possible" || decision.code == "baseline-old"));
  CHECK(decision.full_recommended == (decision.code != "possible"));
  CHECK_FALSE(decision.text.empty());
  return decision.code;
}

}  // namespace

TEST_CASE("each branch of the decision has its code") {
  CHECK(code(machine(), previous()) == "possible");
  CHECK(code(machine(), previous(), {.force_full = true}) == "forced");
  TrackedMachine off = machine();
  off.cbt_enabled = false;
  CHECK(code(off, previous()) == "cbt-disabled");
  CHECK(code(machine(), std::nullopt) == "no-baseline");
  ExportMetadata untracked = previous();
  untracked.disks[1].change_id.clear();
  CHECK(code(machine(), untracked) == "baseline-without-cbt");
  TrackedMachine broken = machine();
  broken.provider_reason = "bitmap-missing", broken.provider_text = "gone";
  CHECK(code(broken, previous()) == "bitmap-missing");
}

TEST_CASE("a disk more, less, larger, of another file or over another one is another topology") {
  TrackedMachine now = machine();
  now.disks.pop_back();
  CHECK(code(now, previous()) == "topology-changed");
  now = machine();
  now.disks[1].key = "vd2";
  CHECK(code(now, previous()) == "topology-changed");
  now = machine();
  ++now.disks[1].capacity_bytes;
  CHECK(code(now, previous()) == "topology-changed");
  now = machine();
  now.disks[1].path += "x";
  CHECK(code(now, previous()) == "topology-changed");
  now = machine();
  now.disks[1].backing_info = "qcow2 over base";
  CHECK(code(now, previous()) == "topology-changed");
  now = machine();
  std::swap(now.disks[0], now.disks[1]);
  CHECK(code(now, previous()) == "possible");
}

TEST_CASE("an old baseline makes a full recommended, not required") {
  ExportMetadata old = previous();
  old.export_time = kNow - 7 * 24h;
  CHECK(code(machine(), old) == "possible");
  old.export_time -= 1s;
  CHECK(code(machine(), old) == "baseline-old");
  CHECK(code(machine(), old, {.max_age = 8 * 24h}) == "possible");
}

TEST_CASE("an analysis estimates bytes, savings and time from the previous export's rate") {
  CbtReport report;
  report.previous = previous();
  report.machine.vm = "vm";
  for (const char* key : {"vd0", "vd1"}) {
    DiskTracking tracking;
    tracking.key = key;
    tracking.capacity_bytes = 1 << 30;
    tracking.is_recording = true;
    tracking.points = 2;
    tracking.changed_bytes = 100;
    report.machine.disks.push_back(tracking);
  }
  report.decision = {true, false, "possible", "yes"};
  const Json json = analysis_to_json(report);
  CHECK(json["estimated_changed_bytes"] == 200);
  CHECK(json["estimated_savings_bytes"] == 800);
  CHECK(json["estimated_duration"] == "20 s");
  CHECK(format_analysis(report).find("80.0 %") != std::string::npos);
  report.decision.can_incremental = false;
  CHECK(analysis_to_json(report)["estimated_changed_bytes"].is_null());
  report.machine.disks[0].reason = "bitmap-missing";
  CHECK(tracked_machine(report.machine).provider_reason == "bitmap-missing");
  report.machine.disks[1].points = 0;
  CHECK_FALSE(tracked_machine(report.machine).cbt_enabled);
}
