#pragma once
// Several files into a directory, from wherever they are, several at once; gone on with where an earlier run stopped.

#include <memory>
#include <mutex>
#include <vector>

#include "base/clock.h"
#include "providers/aws/s3_checkpoint.h"
#include "transfer/export_file.h"

namespace hx {

enum class CheckpointUse : uint8_t { kYes, kNo };

struct ExportRequest {
  std::vector<std::string> locations;
  std::string directory = ".";  // made if it is not there
  std::string name;             // of the checkpoint; empty: export_name()
  std::string checkpoint_path;  // empty: in the directory; "s3://…": an object, or one below it if it ends in '/'
  S3CheckpointOptions::Conditions conditions = S3CheckpointOptions::Conditions::kRequired;  // of an object
  CheckpointUse use = CheckpointUse::kYes;
  Restart restart = Restart::kNo;
  std::chrono::milliseconds interval{30'000};
  CheckDepth depth = CheckDepth::kSizes;
  Overwrite overwrite = Overwrite::kRefuse;
  int jobs = 4, connections = 8, per_server = 16;  // files at once; requests at once of a file, to a server
  std::optional<uint64_t> limit_rate;              // bytes a second, of all together
  LocationOptions location;
};

// Who is told of what happens. Any thread.
struct ExportListener {
  Progress* progress = nullptr;
  std::function<void(const std::string&)> warn, say;
  std::function<void(const Error&)> failed;  // one file; the others go on
  std::function<void(const ExportReport&)> done;
};

// begin(), run() and finish() in one thread; save() in any.
class ExportJob {
 public:
  // Plans, and takes the checkpoint: kRefused (reason "locked") where another run has it.
  static Result<std::unique_ptr<ExportJob>> begin(ExportRequest, ExportListener, Clock&);
  ~ExportJob();

  // All files, or what can be had of them: each failure is told to the listener, and that they were some is the answer.
  enum class Outcome : uint8_t { kAll, kSome };
  Outcome run();
  // What is durable now is in the checkpoint, which is free then; without one, the .part files are removed. For a
  // process that ends.
  Status save();
  // After run(): the checkpoint goes if nothing is left to do, or nothing was done. Nobody calls save() any more.
  // Whether it is kept.
  Result<bool> finish(Outcome);
  // Where it is kept; empty: nowhere.
  const std::string& checkpoint_path() const { return checkpoint_path_; }

 private:
  ExportJob(ExportRequest request, ExportListener listener, Clock& clock);
  Status open_checkpoint();
  Result<std::unique_ptr<CheckpointStore>> open_store();
  void for_each_file(const std::function<void(size_t)>&);
  std::counting_semaphore<>* slots_of(const std::string& server);
  void remove_parts() const;

  ExportRequest request_;
  const ExportListener listener_;
  Clock& clock_;
  std::vector<ExportItem> items_;
  std::string checkpoint_path_;
  std::unique_ptr<CheckpointStore> store_;
  std::optional<RunningCheckpoint> checkpoint_;
  std::optional<RateLimiter> rate_;
  std::mutex mutex_;  // of slots_
  std::map<std::string, std::unique_ptr<std::counting_semaphore<>>> slots_;
  ExportShared shared_;
};

}  // namespace hx
