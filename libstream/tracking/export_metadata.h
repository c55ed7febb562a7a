#pragma once
// What is remembered of each export of a machine, so that the next one knows what to ask for: hx-cbt(1), STATE. The
// keys are those of HyperSDK's ~/.hypersdk/incremental, whose files are read too.

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hx {

struct TrackedDisk {
  std::string key, path;
  uint64_t capacity_bytes = 0;
  std::string change_id;     // the change token; empty: changes were not tracked
  std::string backing_info;  // what it is made of: the format, and the backing file
  bool operator==(const TrackedDisk&) const = default;
};

struct ExportMetadata {
  std::string vm_id, vm_name;
  std::chrono::system_clock::time_point export_time;
  std::string snapshot_id, change_id, export_path;
  uint64_t total_size = 0;      // bytes that were exported
  double duration_seconds = 0;  // 0: not known
  std::vector<TrackedDisk> disks;
};

// kDamaged: not such JSON; what is missing is empty. Where a disk has no change_id of its own, disk_change_ids has it.
Result<ExportMetadata> parse_export_metadata(std::string_view text);
std::string format_export_metadata(const ExportMetadata&);
// The same of a file, which errors name.
Result<ExportMetadata> read_export_metadata(const std::string& path);

enum class Pruning : uint8_t { kRemove, kOnlySay };

// The directory of all machines' metadata. Files are private (0600), and appear complete or not at all. One thread.
class MetadataStore {
 public:
  // Empty: $XDG_STATE_HOME/hx/incremental (~/.local/state); then ~/.hypersdk/incremental is read where it has nothing.
  explicit MetadataStore(std::string directory = "");

  const std::string& directory() const { return directory_; }
  // What latest.json of the machine says; nullopt: never exported. kDamaged names the file.
  Result<std::optional<ExportMetadata>> latest(const std::string& vm) const;
  // "<vm>/<time>.json", then "<vm>/latest.json". Gives the path of the first.
  Result<std::string> save(const std::string& vm, const ExportMetadata&) const;
  // The files of a machine, oldest first, and the machines; latest.json is none.
  Result<std::vector<std::string>> files(const std::string& vm) const;
  Result<std::vector<std::string>> machines() const;
  // All but the newest `keep` of a machine go; latest.json stays. Gives their paths.
  Result<std::vector<std::string>> prune(const std::string& vm, size_t keep, Pruning = Pruning::kRemove) const;

 private:
  Result<std::string> directory_of(const std::string& vm) const;

  std::string directory_;
  std::string legacy_;  // or ""
};

}  // namespace hx
