#pragma once
// What several runs write, one after another, with a checkpoint: a new file, NAME.part until it is NAME, or a target in
// place.

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
  struct Place {
    std::string path;                           // for messages; of a new file its final name
    std::string format;                         // "mirn", "raw": what is made
    Overwrite overwrite = Overwrite::kRefuse;   // of a new file
    std::string sidecar = {};                   // empty: beside it
    std::string in_place = {};                  // as in FileCheckpoint; empty: a new file
    std::string leaf = {}, directory = {};      // what the checkpoint calls it; empty: as the path does
    std::function<Status()> make_durable = {};  // in place: FileSink::sync()
  };
  // Takes the lock (kRefused with the reason "locked" where another run has it) and looks at what an earlier run has
  // left. kRefused: a new file's path exists, and Overwrite::kRefuse; the checkpoint is of another target in place.
  // Nothing is changed yet, but for a checkpoint that is none of this output: it is set aside, with a warning.
  static Result<std::unique_ptr<ResumableOutput>> open(Place, Warn);
  ~ResumableOutput();

  // What the earlier run left: its ranges are there, or the part is at least as long as they are.
  const std::optional<FileCheckpoint>& earlier() const { return earlier_; }
  // Whether a disk of a stream that begins so goes on with earlier(), or else begins anew. kUsage: it goes on with
  // something else, so that the token was another one's. kRefused: it begins at 0, though something is there.
  Result<PartBeginning> beginning_of(const DiskInfo&) const;
  // The same of a source that can be read again, by what shows its state. kChanged: it is another one.
  Result<PartBeginning> beginning_of(const FileCheckpoint& source) const;
  // Whether a stream's disk is the one that earlier() is of, though it comes from its beginning again.
  bool comes_again(const DiskInfo&) const;
  // What a checkpoint says of the source of such a disk.
  static FileCheckpoint source_of(const DiskInfo&);

  // Opens the part. kAnew: earlier() is forgotten first, durably. Of `source` are its validator, source and total size.
  Status begin(PartBeginning, const FileCheckpoint& source);
  int fd() const { return part_->fd(); }  // of a new file
  std::string part_path() const { return PartFile::part_path(place_.path); }

  // These bytes of it were written: durable with the next save(). Any thread.
  Status written(uint64_t begin, uint64_t end) { return running_->written(place_.leaf, begin, end); }
  Status save();
  // [0, end) of it was written, and holds the disk up to disk.from: durable when it returns. Any thread.
  Status save(uint64_t end, SealedDisk disk);
  // Under its final name, without a checkpoint. In place: after its commit().
  Status finish();
  // The run failed. What was saved stays; if that is nothing, so does nothing. After begin() only.
  void give_up();
  // How another run goes on, for people; empty: nothing is kept. Any thread.
  std::string how_to_go_on() const;
  // What hx-ckpt is given, to name this one.
  std::string operand() const;

 private:
  ResumableOutput(Place place, std::unique_ptr<CheckpointStore> store)
      : place_(std::move(place)), store_(std::move(store)) {}
  bool is_in_place() const { return !place_.in_place.empty(); }
  std::string name() const { return is_in_place() ? place_.path : part_path(); }
  std::string how_to_begin_anew() const { return "hx-ckpt rm " + operand() + " begins anew"; }
  Status take_earlier(const FileCheckpoint&, const Warn&);
  Status sync();
  Status save_locked();
  std::optional<FileCheckpoint> kept() const;

  const Place place_;
  std::unique_ptr<CheckpointStore> store_;
  std::unique_ptr<RunningCheckpoint> running_;
  std::optional<FileCheckpoint> earlier_;
  std::optional<PartFile> part_;
  std::optional<Error> lost_;  // a sync that failed, of a target in place
  std::mutex saving_, syncing_;
  mutable std::mutex keeping_;          // of kept_
  std::optional<FileCheckpoint> kept_;  // as it was saved last: what another run finds
  bool has_begun_ = false;
  bool is_over_ = false;  // finished or given up: nothing is saved any more
};

}  // namespace hx
