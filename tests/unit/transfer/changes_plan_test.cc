#include "transfer/changes_plan.h"

#include <signal.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>

#include "support/inputs.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

// A qemu-storage-daemon with one raw disk of 4 MiB, node d0.
class Daemon {
 public:
  explicit Daemon(const TemporaryDirectory& directory) : directory_(directory) {
    write_file(directory / "disk.raw", std::string(4 * kMiB, 'x'));
    const std::string command =
        "cd " + (directory / ".") + " && qemu-storage-daemon --daemonize --pidfile pid" +
        " --blockdev driver=file,node-name=f0,filename=disk.raw --blockdev driver=raw,node-name=d0,file=f0" +
        " --chardev socket,id=c0,path=qmp,server=on,wait=off --monitor chardev=c0";
    running_ = std::system(command.c_str()) == 0;
  }
  ~Daemon() {
    if (running_) ::kill(std::stoi(read_file(directory_ / "pid")), SIGKILL);
  }
  std::string location() const { return "qemu:" + (directory_ / "qmp") + "#d0"; }

 private:
  const TemporaryDirectory& directory_;
  bool running_ = false;
};

bool has_daemon() {
  if (std::system("command -v qemu-storage-daemon >/dev/null") == 0) return true;
  std::cout << "skipped: qemu-storage-daemon is not installed\n";
  return false;
}

DiskInfo info_of(Result<std::vector<DiskToFetch>> disks) {
  if (!disks) FAIL(disks.error().message);
  REQUIRE(disks->size() == 1);
  return *fetch_source(std::move(*disks), {})->next_disk().value();
}
DiskInfo full_of(const std::string& location) {
  FetchRequest request;
  request.locations = {location};
  request.location.tracking.next = NextPoint::kBegin;
  return info_of(plan_fetch(std::move(request)));
}
DiskInfo changes_of(const std::string& location, const Baseline& since) {
  ChangesRequest request;
  request.location = location;
  request.since = {since};
  return info_of(plan_changes(std::move(request)));
}
uint64_t points(const Daemon& daemon) { return tracking_of(daemon.location(), {}).value().disks.at(0).points; }

}  // namespace

TEST_CASE("only a token of a sealed snapshot lets go of what older ones need") {
  if (!has_daemon()) return;
  TemporaryDirectory directory;
  const Daemon daemon(directory);
  REQUIRE(enable_tracking(daemon.location(), 64 * kKiB).ok());
  const DiskInfo full = full_of(daemon.location());
  CHECK(full.kind == DiskKind::kFull);
  CHECK_FALSE(full.change_token.empty());
  const DiskInfo first = changes_of(daemon.location(), {full.change_token});
  CHECK(first.kind == DiskKind::kDelta);
  CHECK(first.parent_state == full.state);
  CHECK(first.parent_change_token == full.change_token);
  CHECK(first.state != full.state);
  CHECK(points(daemon) == 3);
  CHECK(changes_of(daemon.location(), {full.change_token}).parent_state == full.state);
  CHECK(points(daemon) == 4);
  const DiskInfo second = changes_of(daemon.location(), {first.change_token, "a state of its own", true});
  CHECK(second.parent_state == "a state of its own");
  CHECK(points(daemon) == 3);
  ChangesRequest old;
  old.location = daemon.location();
  old.since = {{full.change_token}};
  auto refused = plan_changes(std::move(old));
  REQUIRE_FALSE(refused.ok());
  CHECK(refused.error().kind == ErrorKind::kFullRequired);
  CHECK(refused.error().reason == "bitmap-missing");
}

TEST_CASE("a base without a token, and two tokens of one disk, are refused before anything begins") {
  if (!has_daemon()) return;
  TemporaryDirectory directory;
  const Daemon daemon(directory);
  REQUIRE(enable_tracking(daemon.location(), 64 * kKiB).ok());
  const DiskInfo full = full_of(daemon.location());
  ChangesRequest request;
  request.location = daemon.location();
  request.since = {{full.change_token}, {full.change_token}};
  CHECK(plan_changes(request).error().kind == ErrorKind::kUsage);
  request.since = {{""}};
  CHECK(plan_changes(request).error().reason == "baseline-without-cbt");
  CHECK(points(daemon) == 2);
}
