#include "providers/qemu/point_in_time.h"

#include <fcntl.h>

#include <algorithm>
#include <system_error>

#include "io/free_space.h"
#include "net/url.h"
#include "providers/qemu/guest_agent.h"

namespace hx {
namespace {

using std::chrono::milliseconds;

// A write of the machine fails if what it overwrites cannot be kept: so the point is given up before the overlays' file
// system is full, and looked after so often that a fast disk does not fill it in between.
constexpr uint64_t kLeastSpace = 64 * kMiB;
constexpr milliseconds kWatchEvery{100};

Json with_node(const VmDisk& disk, const std::string& bitmap) { return {{"node", disk.node}, {"name", bitmap}}; }
Json action(const std::string& type, Json data) { return {{"type", type}, {"data", std::move(data)}}; }

uint64_t granularity_of(const DiskAtPoint& disk, const std::string& bitmap) {
  const auto& all = disk.disk.bitmaps;
  const auto found = std::ranges::find(all, bitmap, &DirtyBitmap::name);
  return found == all.end() ? 64 * kKiB : found->granularity;
}

}  // namespace

PointInTime::PointInTime(std::shared_ptr<QmpClient> qemu, std::vector<DiskAtPoint> disks, const PointOptions& options)
    : qemu_(std::move(qemu)), disks_(std::move(disks)), options_(options) {}

Result<std::shared_ptr<PointInTime>> PointInTime::take(std::shared_ptr<QmpClient> qemu, std::vector<DiskAtPoint> disks,
                                                       const PointOptions& options) {
  auto point = std::shared_ptr<PointInTime>(new PointInTime(std::move(qemu), std::move(disks), options));
  point->last_act_ = std::make_unique<LastAct>([raw = point.get()] { raw->give_up(); });
  HX_TRY(point->set_up());
  return point;
}

PointInTime::~PointInTime() {
  last_act_.reset();
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  if (watcher_.joinable()) watcher_.join();
  give_up();
}

// Another thread that is amid setting it up finds the monitor closed.
void PointInTime::give_up() noexcept {
  const auto lock = qemu_->hold();
  (void)clear_runs(
      *qemu_, [this](const RunName& run) { return run == run_; }, server_of_);
  qemu_->close();
}

Status PointInTime::set_up() {
  directory_ = HX_TRY(RunDirectory::make(run_, qemu_->peer_uid()));
  for (size_t i = 0; i < disks_.size(); ++i) HX_TRY_IN(disks_[i].disk.label, add_overlay(i));
  HX_TRY(start_server());
  try {
    watcher_ = std::thread([this] { watch_space(); });
  } catch (const std::system_error& error) {
    return system_error(error.code().value(), "start a thread");
  }
  HX_TRY(freeze_and_begin());
  for (size_t i = 0; i < disks_.size(); ++i) {
    HX_TRY_IN(disks_[i].disk.label, show_changes(i));
    HX_TRY_IN(disks_[i].disk.label, add_export(i));
  }
  return {};
}

// QEMU makes it, so that it has a form that this QEMU likes; the file is ours, and has no name as soon as it is open.
Status PointInTime::add_overlay(size_t number) {
  const std::string path = HX_TRY(directory_->add_file("overlay" + std::to_string(number)));
  const std::string file = run_.of(kOverlayFile, number), job = run_.of(kJob, number);
  overlays_.emplace_back(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!overlays_.back()) return system_error(errno, path);
  auto added = qemu_->execute("blockdev-add",
                              {{"driver", "file"}, {"node-name", file}, {"filename", path}, {"discard", "unmap"}});
  directory_->remove_file(path);
  if (!added) return std::move(added).error();
  const Json image = {{"driver", "qcow2"}, {"file", file}, {"size", disks_[number].disk.size}};
  (void)HX_TRY(qemu_->execute("blockdev-create", {{"job-id", job}, {"options", image}}));
  HX_TRY(qemu_->wait_until("make an overlay", [&]() -> Result<bool> {
    for (const Json& each : HX_TRY(qemu_->execute("query-jobs"))) {
      if (HX_TRY(json_string_or(each, "id", "")) != job) continue;
      if (HX_TRY(json_string_or(each, "status", "")) != "concluded") return false;
      if (each.contains("error"))
        return bug(qemu_->path() + ": make an overlay: " + HX_TRY(json_string_or(each, "error", "")));
      return true;
    }
    return bug(qemu_->path() + ": make an overlay: its job is gone");
  }));
  (void)HX_TRY(qemu_->execute("job-dismiss", {{"id", job}}));
  (void)HX_TRY(qemu_->execute("blockdev-add", {{"driver", "qcow2"},
                                               {"node-name", run_.of(kOverlay, number)},
                                               {"file", file},
                                               {"backing", disks_[number].disk.node}}));
  return {};
}

Status PointInTime::freeze_and_begin() {
  if (options_.agent_socket.empty()) return begin();
  const auto guest = HX_TRY(FrozenGuest::freeze(options_.agent_socket, options_.timeout));
  Status begun = begin();
  HX_TRY(guest->thaw());
  return begun;
}

Status PointInTime::begin() {
  Json actions = Json::array();
  for (size_t i = 0; i < disks_.size(); ++i) {
    const DiskAtPoint& at = disks_[i];
    if (at.begins) {
      Json bitmap = with_node(at.disk, at.begins->bitmap());
      bitmap["granularity"] = at.granularity;
      // What records in an image must be saved in it, and nothing else can be.
      bitmap["persistent"] = at.disk.format == "qcow2" && !at.disk.read_only;
      actions.push_back(action("block-dirty-bitmap-add", std::move(bitmap)));
    }
    if (at.ends) actions.push_back(action("block-dirty-bitmap-disable", with_node(at.disk, at.ends->bitmap())));
    actions.push_back(action("blockdev-backup", {{"job-id", run_.of(kJob, i)},
                                                 {"device", at.disk.node},
                                                 {"target", run_.of(kOverlay, i)},
                                                 {"filter-node-name", run_.of(kFilter, i)},
                                                 {"sync", "none"}}));
  }
  (void)HX_TRY(qemu_->execute("transaction", {{"actions", std::move(actions)}}));
  return {};
}

// On the overlay, so that it goes with it.
Status PointInTime::show_changes(size_t number) {
  const DiskAtPoint& at = disks_[number];
  if (at.changed.empty()) return {};
  Json sources = Json::array();
  for (const std::string& bitmap : at.changed) sources.push_back(with_node(at.disk, bitmap));
  const std::string overlay = run_.of(kOverlay, number);
  (void)HX_TRY(qemu_->execute("block-dirty-bitmap-add", {{"node", overlay},
                                                         {"name", kChangedBitmap},
                                                         {"granularity", granularity_of(at, at.changed.front())},
                                                         {"disabled", true}}));
  (void)HX_TRY(qemu_->execute("block-dirty-bitmap-merge",
                              {{"node", overlay}, {"target", kChangedBitmap}, {"bitmaps", std::move(sources)}}));
  return {};
}

Status PointInTime::start_server() {
  if (!options_.nbd_server.empty()) return {};
  const auto lock = qemu_->hold();
  const std::string mark = run_.of(kServerMark, 0);
  (void)HX_TRY(qemu_->execute("blockdev-add", {{"driver", "null-co"}, {"node-name", mark}, {"size", 0}}));
  const Json address = {{"type", "unix"}, {"data", {{"path", directory_->socket()}}}};
  auto started = qemu_->execute("nbd-server-start", {{"addr", address}});
  if (started) {
    server_of_ = NbdServerOf::kThem;
    return {};
  }
  Error error = std::move(started).error();
  if (error.message.find("already running") == error.message.npos) return error;
  error.kind = ErrorKind::kRefused;
  error.reason = "nbd-server-busy";
  error.hint = "it has only one: say where it listens, with ?nbd=SOCKET or ?nbd=HOST:PORT after the monitor's path";
  return error;
}

Status PointInTime::add_export(size_t number) {
  const std::string name = run_.of(kExport, number);
  Json request = {{"type", "nbd"}, {"id", name}, {"node-name", run_.of(kOverlay, number)}, {"name", name}};
  if (!disks_[number].changed.empty()) request["bitmaps"] = Json::array({kChangedBitmap});
  (void)HX_TRY(qemu_->execute("block-export-add", request));
  return {};
}

std::string PointInTime::nbd_uri(size_t number) const {
  const std::string name = run_.of(kExport, number);
  const std::string& server = options_.nbd_server;
  if (!server.empty() && server.find('/') == server.npos) return "nbd://" + server + "/" + name;
  return "nbd+unix:///" + name + "?socket=" + percent_encode(server.empty() ? directory_->socket() : server, "/");
}

Status PointInTime::check() const {
  {
    std::lock_guard lock(mutex_);
    if (full_) return Error(*full_);
  }
  size_t running = 0;
  for (const Json& job : HX_TRY(qemu_->execute("query-jobs"))) {
    const auto run = RunName::parse(HX_TRY(json_string_or(job, "id", "")));
    if (run == run_ && HX_TRY(json_string_or(job, "status", "")) == "running") ++running;
  }
  if (running == disks_.size()) return {};
  return source_changed(qemu_->path() + ": somebody ended the job that kept the point in time")
      .with_reason("point-lost");
}

void PointInTime::watch_space() {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, kWatchEvery, [this] { return ending_; })) {
    const auto left = free_space(overlays_.front().get(), directory_->path());
    if (!left || left.value() >= kLeastSpace) continue;
    full_ = Error{ErrorKind::kNoSpace,
                  directory_->path() + ": less than " + std::to_string(kLeastSpace / kMiB) +
                      " MiB left for what the machine overwrites: given up, so that it can go on",
                  "TMPDIR says where", "overlay-full"};
    give_up();
    return;
  }
}

}  // namespace hx
