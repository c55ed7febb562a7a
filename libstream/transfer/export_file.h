#pragma once
// One file of an export: what the checkpoint has of it, what is fetched, and its final name.

#include <atomic>
#include <functional>
#include <string>

#include "checkpoint/running_checkpoint.h"
#include "io/progress.h"
#include "transfer/download_ranges.h"
#include "transfer/export_check.h"
#include "transfer/export_resume.h"
#include "transfer/export_source.h"

namespace hx {

struct ExportReport {
  std::string path;
  uint64_t size = 0, fetched = 0, resumed = 0;  // bytes; resumed: were there already
  CheckedBytes bytes;
};

// What all files of an export share. Outlives them.
struct ExportShared {
  RunningCheckpoint* checkpoint = nullptr;
  std::string directory;
  LocationOptions location;
  Overwrite overwrite = Overwrite::kRefuse;
  CheckDepth depth = CheckDepth::kSizes;  // of what the checkpoint says
  // The checkpoint that was found says that all is done: its run ended before it removed it, at any time before this
  // one. Then the sources are asked, too, whether they are still the same.
  bool was_all_done = false;
  DownloadLimits limits;  // without slots: those are the server's
  std::function<std::counting_semaphore<>*(const std::string& server)> slots_of;
  Progress* progress = nullptr;
  std::function<void(const std::string&)> say;
};

// One thread at a time: prepare(), then fetch().
class ExportFile {
 public:
  ExportFile(const ExportShared& shared, ExportItem item) : shared_(shared), item_(std::move(item)) {}
  // Compares the checkpoint with the disk and with the source; decides what is to be done. kRefused: there is a file of
  // this name that is no business of the checkpoint. kChanged as decide_resume().
  Status prepare();
  // Does it. After an error the .part and the checkpoint's entry are as they were last saved.
  Result<ExportReport> fetch();

 private:
  std::string final_path() const { return shared_.directory + "/" + item_.path; }
  Status take_as_complete(const FileCheckpoint& old);
  Result<std::string> digest_here(const std::string& known) const;
  Status check_name_is_free() const;
  Status decide(const FileCheckpoint* old, const FileFinding& finding);
  FileCheckpoint new_entry(const FileCheckpoint* old) const;
  void show_progress(uint64_t already);
  Status transfer(PartFile&);
  Status transfer_ranges(PartFile&);
  Status transfer_whole(PartFile&);
  Status give_name(PartFile&);
  Status give_up(Error);
  Written written();

  const ExportShared& shared_;
  const ExportItem item_;
  ExportSource source_;
  enum class Task : uint8_t { kNothing, kComplete, kContinue, kAnew } task_ = Task::kAnew;
  DiskProgress* progress_ = nullptr;
  std::atomic<uint64_t> fetched_ = 0;
  ExportReport report_;
};

}  // namespace hx
