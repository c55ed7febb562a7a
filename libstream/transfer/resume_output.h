#pragma once
// A file that several runs write, one after another: NAME.part with a checkpoint beside it, until it is NAME.

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "checkpoint/part_file.h"
#include "checkpoint/running_checkpoint.h"
#include "extent/extent.h"

namespace hx {

class ResumableOutput {
 public:
  using Warn = std::function<void(const std::string&)>;
  // Takes the lock (kRefused with the reason "locked" where another run has it) and looks at what an earlier run has
  // left. format: "mirn", "raw": what is made. kRefused: path exists, and Overwrite::kRefuse. Nothing is changed yet,
  // but for a checkpoint that is none of this output: it is set aside, with a warning.
  static Result<std::unique_ptr<ResumableOutput>> open(const std::string& path, const std::string& format, Overwrite,
                                                       Warn);
  ~ResumableOutput();

  // What the earlier run left: its `disk` is set, and the part is at least as long as ranges.prefix_end().
  const std::optional<FileCheckpoint>& earlier() const { return earlier_; }
  // Whether a disk that begins so goes on with earlier(), or else begins anew. kUsage: it goes on with something else,
  // so that the token was another one's. kRefused: it begins at 0, though something is there.
  Result<PartBeginning> beginning_of(const DiskInfo&) const;
  // Opens the part. kAnew: earlier() is forgotten first, durably.
  Status begin(PartBeginning, const DiskInfo&);
  int fd() const { return part_->fd(); }
  std::string part_path() const { return PartFile::part_path(path_); }

  // [0, end) of the part was written, and holds the disk up to disk.from: durable when it returns. Any thread.
  Status save(uint64_t end, SealedDisk disk);
  uint64_t from() const;  // of the last save()
  // Under its final name, without a checkpoint.
  Status finish();
  // The run failed. What was saved stays; if that is nothing, so does nothing. After begin() only.
  void give_up();
  // How another run goes on, for people; empty: nothing is kept. Any thread.
  std::string how_to_go_on() const;

 private:
  ResumableOutput(std::string path, Overwrite overwrite, std::unique_ptr<CheckpointStore> store)
      : path_(std::move(path)), overwrite_(overwrite), store_(std::move(store)) {}
  std::string leaf() const { return path_.substr(path_.rfind('/') + 1); }

  const std::string path_;
  const Overwrite overwrite_;
  std::unique_ptr<CheckpointStore> store_;
  std::unique_ptr<RunningCheckpoint> running_;
  std::optional<FileCheckpoint> earlier_;
  std::optional<PartFile> part_;
  std::mutex saving_;
  bool is_over_ = false;  // finished or given up: nothing is saved any more
};

}  // namespace hx
