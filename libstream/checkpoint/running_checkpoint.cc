#include "checkpoint/running_checkpoint.h"

#include "checkpoint/sidecar_text.h"

namespace hx {

RunningCheckpoint::RunningCheckpoint(CheckpointStore& store, Beginning beginning, const Clock& clock)
    : store_(store),
      clock_(clock),
      checkpoint_(std::move(beginning.checkpoint)),
      version_(std::move(beginning.version)) {
  if (!beginning.resumed) checkpoint_.created_at = clock.wall_now();
}

Checkpoint RunningCheckpoint::get() const {
  std::lock_guard lock(mutex_);
  return checkpoint_;
}

std::optional<FileCheckpoint> RunningCheckpoint::file(std::string_view path) const {
  std::lock_guard lock(mutex_);
  const FileCheckpoint* found = checkpoint_.find(path);
  return found ? std::optional(*found) : std::nullopt;
}

FileCheckpoint* RunningCheckpoint::find(std::string_view path) {
  FileCheckpoint* found = checkpoint_.find(path);
  assert(found && "put_file() first");
  return found;
}

Status RunningCheckpoint::put_file(FileCheckpoint file) {
  if (!is_stored_path(file.path)) return usage_error(file.path + ": is not a name that a checkpoint can hold");
  std::lock_guard lock(mutex_);
  if (open_.contains(file.path)) return bug(file.path + ": replaced in the checkpoint while it is written");
  file.last_modified = clock_.wall_now();
  if (FileCheckpoint* found = checkpoint_.find(file.path))
    *found = std::move(file);
  else
    checkpoint_.files.push_back(std::move(file));
  return {};
}

void RunningCheckpoint::edit_file(std::string_view path, const std::function<void(FileCheckpoint&)>& edit) {
  std::lock_guard lock(mutex_);
  edit(*find(path));
}

Status RunningCheckpoint::open_file(std::string_view path, Begin begin, std::function<Status()> sync) {
  std::lock_guard saving(saving_);
  {
    std::lock_guard lock(mutex_);
    FileCheckpoint& file = *find(path);
    file.status = FileStatus::kDownloading;
    file.last_modified = clock_.wall_now();
    file.checksum.clear();
    if (begin == Begin::kAnew) {
      file.ranges.clear();
      file.partial.reset();
      file.disk.reset();
    }
    file.downloaded_size = file.ranges.bytes();
    open_[std::string(path)].sync = std::move(sync);
  }
  // The old entry must not outlive the bytes that it speaks of.
  return begin == Begin::kAnew ? save_locked() : Status();
}

Status RunningCheckpoint::written(std::string_view path, uint64_t begin, uint64_t end) {
  std::lock_guard lock(mutex_);
  const auto open = open_.find(path);
  if (open == open_.end()) return bug(std::string(path) + ": written but not open in the checkpoint");
  if (open->second.failure) return *open->second.failure;
  if (lost_) return *lost_;
  open->second.written.add(begin, end);
  return {};
}

void RunningCheckpoint::hashed(std::string_view path, const Sha256State& state) {
  std::lock_guard lock(mutex_);
  const auto open = open_.find(path);
  if (open != open_.end()) open->second.hashed = state;
}

// Called with saving_ held. Each file's new ranges are taken out before its sync(), so that what is written meanwhile
// waits for the next one.
Status RunningCheckpoint::sync_files() {
  struct Job {
    std::string path;
    std::function<Status()> sync;
    DurableRanges written;
    std::optional<Sha256State> hashed;
  };
  std::vector<Job> jobs;
  {
    std::lock_guard lock(mutex_);
    for (auto& [path, open] : open_)
      if (!open.failure && (!open.written.empty() || open.hashed))
        jobs.push_back({path, open.sync, std::exchange(open.written, {}), std::exchange(open.hashed, std::nullopt)});
  }
  Status result;
  for (Job& job : jobs) {
    Status synced = job.written.empty() ? Status() : job.sync();
    std::lock_guard lock(mutex_);
    FileCheckpoint& file = *find(job.path);
    if (!synced.ok()) {
      file.status = FileStatus::kFailed;
      open_[job.path].failure = synced.error();
      if (result.ok()) result = std::move(synced);
      continue;
    }
    file.ranges.add(job.written);
    file.downloaded_size = file.ranges.bytes();
    file.last_modified = clock_.wall_now();
    if (job.hashed && job.hashed->length <= file.ranges.prefix_end()) file.partial = prefix_digest(*job.hashed);
  }
  return result;
}

Status RunningCheckpoint::save_locked() {
  Status result = sync_files();
  std::string text;
  std::optional<std::string> version;
  {
    std::lock_guard lock(mutex_);
    checkpoint_.updated_at = clock_.wall_now();
    text = format_sidecar(checkpoint_);
    version = version_;
  }
  Result<std::string> stored = store_.store(text, version);
  if (stored.ok()) {
    std::lock_guard lock(mutex_);
    version_ = std::move(stored).value();
  } else {
    if (stored.error().reason == "checkpoint-changed") {
      std::lock_guard lock(mutex_);
      lost_ = stored.error();
    }
    if (result.ok()) result = std::move(stored).error();
  }
  return result;
}

Status RunningCheckpoint::save() {
  std::lock_guard saving(saving_);
  return save_locked();
}

Status RunningCheckpoint::save_and_let_go() {
  store_.let_go();
  return save();
}

Status RunningCheckpoint::close_file(std::string_view path, FileStatus status, const std::string& checksum) {
  std::lock_guard saving(saving_);
  Status synced = sync_files();
  {
    std::lock_guard lock(mutex_);
    const auto open = open_.find(path);
    FileCheckpoint& file = *find(path);
    // Another file's failure is its own worker's to report.
    if (open != open_.end()) {
      synced = open->second.failure ? Status(*open->second.failure) : Status();
      file.status = open->second.failure ? FileStatus::kFailed : status;
      open_.erase(open);
    }
    file.checksum = checksum;
    file.last_modified = clock_.wall_now();
  }
  Status saved = save_locked();
  return synced.ok() ? std::move(saved) : std::move(synced);
}

Status RunningCheckpoint::complete_file(std::string_view path, const std::string& checksum) {
  std::lock_guard saving(saving_);
  {
    std::lock_guard lock(mutex_);
    FileCheckpoint& file = *find(path);
    if (!file.total_size) file.total_size = file.ranges.end();
    file.status = FileStatus::kCompleted;
    file.downloaded_size = *file.total_size;
    file.checksum = checksum;
    file.ranges.clear();
    file.partial.reset();  // the disk stays: a resume token says that it is done
    file.last_modified = clock_.wall_now();
  }
  return save_locked();
}

Status RunningCheckpoint::finish() {
  std::lock_guard saving(saving_);
  std::string version;
  {
    std::lock_guard lock(mutex_);
    if (!version_) return {};
    version = *version_;
    version_.reset();
  }
  return store_.remove(version);
}

SaveTimer::SaveTimer(std::function<Status()> save, std::chrono::milliseconds interval,
                     std::function<void(const Error&)> on_error) {
  if (interval.count() <= 0) return;
  thread_ = std::thread([this, save = std::move(save), interval, report = std::move(on_error)] {
    std::unique_lock lock(mutex_);
    while (!wake_.wait_for(lock, interval, [this] { return stopping_; })) {
      lock.unlock();
      Status saved = save();
      if (!saved.ok()) report(saved.error());
      lock.lock();
    }
  });
}

SaveTimer::~SaveTimer() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

}  // namespace hx
