#pragma once
// A checkpoint while its files are being written. It never says more than is durable: what a worker has written becomes
// a durable range only in save(), after that file's sync().

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "checkpoint/begin.h"

namespace hx {

// Any thread. The destructor saves nothing: a run that gives up calls save().
class RunningCheckpoint {
 public:
  // Both outlive this object.
  RunningCheckpoint(CheckpointStore&, Beginning, const Clock&);
  RunningCheckpoint(const RunningCheckpoint&) = delete;

  Checkpoint get() const;  // as it would be saved now
  std::optional<FileCheckpoint> file(std::string_view path) const;

  // An entry is there, or replaced as a whole: kPending, or what a resumed one is to be now. Not while it is open.
  // kUsage: its path is not is_stored_path().
  Status put_file(FileCheckpoint);
  // Another fact of an entry: validator, source, disk, retries. Saved with the next save(). Ranges are not to be
  // touched.
  void edit_file(std::string_view path, const std::function<void(FileCheckpoint&)>& edit);

  // It is written to from now on: kDownloading. sync makes durable what was written() before it was called; it is
  // called by save(), in any thread, one at a time, until close_file() returns.
  enum class Begin : uint8_t { kContinue, kAnew };
  // kAnew: its ranges are forgotten, durably, before this returns. Only then may the file be emptied.
  Status open_file(std::string_view path, Begin, std::function<Status()> sync);
  // These bytes are written. Fails if an earlier sync() of this file did, or if another run has the checkpoint now: go
  // no further.
  Status written(std::string_view path, uint64_t begin, uint64_t end);
  // The file's prefix has this state; counts when the bytes it is of are durable.
  void hashed(std::string_view path, const Sha256State&);
  // Last save() of it: all ranges are durable, it is to be renamed now; or it failed. Then its status and checksum.
  Status close_file(std::string_view path, FileStatus, const std::string& checksum = "");
  // After close_file(): under its final name. Saved.
  Status complete_file(std::string_view path, const std::string& checksum);

  // Syncs the files with something new, then stores. The first error is given; the other files are saved all the same.
  Status save();
  // The same for the last time: the checkpoint is free for another run.
  Status save_and_let_go();
  // All is done: the checkpoint is removed.
  Status finish();

 private:
  struct OpenFile {
    std::function<Status()> sync;
    DurableRanges written;  // and not yet synced
    std::optional<Sha256State> hashed;
    std::optional<Error> failure;
  };
  Status save_locked();
  Status sync_files();
  FileCheckpoint* find(std::string_view path);

  CheckpointStore& store_;
  const Clock& clock_;
  std::mutex saving_;         // taken before mutex_; held while files are synced and the checkpoint is stored
  mutable std::mutex mutex_;  // of what follows; never held while something waits for a disk
  Checkpoint checkpoint_;
  std::map<std::string, OpenFile, std::less<>> open_;
  std::optional<std::string> version_;
  std::optional<Error> lost_;  // it is another run's now
};

// save() every interval, in a thread of its own; 0: none. What fails is told to on_error, and tried again next time.
class SaveTimer {
 public:
  SaveTimer(RunningCheckpoint& checkpoint, std::chrono::milliseconds interval,
            std::function<void(const Error&)> on_error)
      : SaveTimer([&checkpoint] { return checkpoint.save(); }, interval, std::move(on_error)) {}
  // Another way to save.
  SaveTimer(std::function<Status()> save, std::chrono::milliseconds interval,
            std::function<void(const Error&)> on_error);
  ~SaveTimer();
  SaveTimer(const SaveTimer&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace hx
