#pragma once
// Where hx-restore writes, and what is refused before it does.

#include <chrono>

#include "transfer/restore_job.h"

namespace hx {

// Another kind of target needs: a value here, what names it (kind_of_target), its sink (open_target), and an answer to
// the two questions below. Everything else asks those, not the kind.
enum class TargetKind : uint8_t { kNewFile, kNewImage, kInPlace, kNbd, kStdout };

// What was there is lost with the first byte written: it is not touched before the input is known to be good.
constexpr bool is_overwritten(TargetKind kind) { return kind == TargetKind::kInPlace || kind == TargetKind::kNbd; }
// What comes to be is a disk by itself: a part of one is refused.
constexpr bool makes_whole_disk(TargetKind kind) {
  return kind == TargetKind::kNewFile || kind == TargetKind::kNewImage;
}

struct ResumeRestore {
  std::string checkpoint;  // empty: beside a file, and of a device in the working directory
  std::chrono::milliseconds interval = std::chrono::seconds(30);  // between saves; 0: only when the run ends
  std::function<void(const std::string&)> warn;
};

struct RestoreTarget {
  std::string path;  // "-": stdout
  bool in_place = false, force = false;
  bool only_differences = false;                                 // of what is overwritten
  std::chrono::milliseconds timeout = std::chrono::seconds(60);  // of a server that is silent
  std::optional<ResumeRestore> resume = {};                      // goes on with what an earlier run left, and leaves it
};

// A block device and an NBD export are written in place, anything else only where that is said. A name
// with the suffix of an image format becomes such an image: kUnsupported for those that are not written. kRefused: the
// snapshot itself; in place from a pipe without force. kUsage: differences from nothing.
Result<TargetKind> kind_of_target(const RestoreTarget&, const SnapshotInput&);

// For new_file_sink(): at most so much will be written. 0: not known, or not to be checked.
uint64_t expected_data(const RestoreTarget&, const RestoreJob&);

// Opens it: a mounted, missing or too small target is found before any of the snapshot is read. For only_differences
// the job gets its target_content.
Result<std::unique_ptr<FileSink>> open_target(const RestoreTarget&, TargetKind, RestoreJob&);

// Which part of a target in place is not what it was: for a failure's hint and for signals.
std::string how_far(const RestoreTarget&, const FileSink&);

}  // namespace hx
