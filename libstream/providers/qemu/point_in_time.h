#pragma once
// Disks of a machine as they were at one moment, while it goes on writing.
//
// In one transaction, for all disks: a job "backup, sync=none" puts a filter before each, which copies what is about to
// be overwritten into an overlay (an empty qcow2 file whose backing is the disk itself), and a new dirty bitmap begins
// where changes are tracked. The overlay then reads as the disk did at that moment, and is exported over NBD. Not the
// filter alone (copy-before-write with snapshot-access): only -device takes one at run time, disk by disk and outside
// of a transaction, so that neither qemu-storage-daemon nor several disks could be had that way. Not a snapshot
// (blockdev-snapshot): the machine would then write to another file, and merging that back moves all that was written,
// disturbs whoever manages the machine, and loses changes if it is cut off.

#include <condition_variable>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "io/last_acts.h"
#include "providers/qemu/clear_runs.h"
#include "providers/qemu/generation.h"
#include "providers/qemu/qmp_client.h"
#include "providers/qemu/run_directory.h"
#include "providers/qemu/vm_disk.h"

namespace hx {

struct DiskAtPoint {
  VmDisk disk;
  std::vector<std::string> changed;  // bitmaps whose union is shown as dirty; empty: none is shown
  std::optional<Generation> ends;    // of the disk: it stops to record at the point,
  std::optional<Generation> begins;  // and this one does,
  uint64_t granularity = 0;          // with this granularity, in bytes
};

struct PointOptions {
  std::string nbd_server;    // where QEMU's NBD server listens that runs already: a socket's path, or HOST:PORT
  std::string agent_socket;  // the guest agent, to freeze file systems for the moment; empty: none
  std::chrono::milliseconds timeout = std::chrono::seconds(30);
};

class PointInTime {
 public:
  // kRefused with reason "nbd-server-busy": the NBD server of this QEMU runs already; else what QEMU says.
  static Result<std::shared_ptr<PointInTime>> take(std::shared_ptr<QmpClient>, std::vector<DiskAtPoint>,
                                                   const PointOptions&);
  // Removes everything it made inside QEMU, but for the generations.
  ~PointInTime();
  PointInTime(const PointInTime&) = delete;

  // Of the disk of this number. The export shows its changes as the context "qemu:dirty-bitmap:changed".
  std::string nbd_uri(size_t number) const;
  static constexpr const char* kChangedBitmap = "changed";
  // Whether the point stands. Called when all has been read: kNoSpace with reason "overlay-full", kChanged with reason
  // "point-lost": somebody ended the job, and what was written since then may have been read. Any thread.
  Status check() const;

 private:
  PointInTime(std::shared_ptr<QmpClient>, std::vector<DiskAtPoint>, const PointOptions&);
  Status set_up();
  Status add_overlay(size_t number);
  Status freeze_and_begin();
  Status begin();
  Status show_changes(size_t number);
  Status start_server();
  Status add_export(size_t number);
  void watch_space();
  void give_up() noexcept;

  const std::shared_ptr<QmpClient> qemu_;
  const std::vector<DiskAtPoint> disks_;
  const PointOptions options_;
  const RunName run_ = RunName::make();
  std::unique_ptr<RunDirectory> directory_;
  std::vector<UniqueFd> overlays_;  // for the space that is left
  std::unique_ptr<LastAct> last_act_;
  NbdServerOf server_of_ = NbdServerOf::kUnknown;  // kThem: we started it; changes while the monitor is held

  mutable std::mutex mutex_;  // of those below
  std::condition_variable wake_;
  bool ending_ = false;
  std::optional<Error> full_;
  std::thread watcher_;
};

}  // namespace hx
