#include "tracking/export_metadata.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>

#include "base/clock.h"
#include "base/json.h"
#include "base/time_text.h"
#include "extent/extent.h"
#include "io/atomic_file.h"
#include "io/fd_io.h"

namespace hx {
namespace {

constexpr size_t kMaxDisks = 10'000;
constexpr uint64_t kMaxText = 16 * kMiB;
constexpr std::string_view kLatest = "latest.json";

Result<TrackedDisk> parse_disk(const Json& json, const Json& change_ids) {
  if (!json.is_object()) return damaged("a disk that is no object");
  TrackedDisk disk;
  disk.key = HX_TRY(json_string_or(json, "key", ""));
  disk.path = HX_TRY(json_string_or(json, "path", ""));
  disk.capacity_bytes = HX_TRY(json_u64_or(json, "capacity_bytes", 0));
  disk.change_id = HX_TRY(json_string_or(json, "change_id", ""));
  disk.backing_info = HX_TRY(json_string_or(json, "backing_info", ""));
  if (disk.change_id.empty()) disk.change_id = HX_TRY_IN("disk_change_ids", json_string_or(change_ids, disk.key, ""));
  return disk;
}

std::string home() {
  const char* text = std::getenv("HOME");
  return text && *text ? text : "";
}
std::string state_home() {
  const char* text = std::getenv("XDG_STATE_HOME");
  if (text && *text == '/') return text;
  return home().empty() ? "" : home() + "/.local/state";
}

// "2026-02-03T10-30-15.123Z.json": sorts by time.
std::string file_name(std::chrono::system_clock::time_point time) {
  std::string name = format_rfc3339(time);
  std::ranges::replace(name, ':', '-');
  return name + ".json";
}

Result<std::string> read_text(const std::string& path) {
  const UniqueFd fd = HX_TRY(open_fd(path, O_RDONLY));
  FdReader reader(fd.get(), path);
  std::string text;
  std::array<std::byte, 64 * kKiB> piece;
  while (const size_t count = HX_TRY(reader.read_some(piece))) {
    text += as_text(ByteSpan(piece).first(count));
    if (text.size() > kMaxText) return damaged(path + ": is larger than 16 MiB");
  }
  return text;
}

Status write_text(const std::string& path, const std::string& text) {
  AtomicFile file = HX_TRY(AtomicFile::open(path, Overwrite::kReplace, 0600));
  HX_TRY(write_fd(file.fd(), path, 0, as_bytes(text)));
  return file.commit();
}

}  // namespace

Result<ExportMetadata> parse_export_metadata(std::string_view text) {
  const Json json = HX_TRY(parse_json(text));
  if (!json.is_object()) return damaged("is no export metadata");
  ExportMetadata metadata;
  metadata.vm_id = HX_TRY(json_string_or(json, "vm_id", ""));
  metadata.vm_name = HX_TRY(json_string_or(json, "vm_name", ""));
  metadata.export_time = HX_TRY_IN("export_time", parse_rfc3339(HX_TRY(json_string(json, "export_time"))));
  metadata.snapshot_id = HX_TRY(json_string_or(json, "snapshot_id", ""));
  metadata.change_id = HX_TRY(json_string_or(json, "change_id", ""));
  metadata.export_path = HX_TRY(json_string_or(json, "export_path", ""));
  metadata.total_size = HX_TRY(json_u64_or(json, "total_size", 0));
  if (const auto found = json.find("duration_seconds"); found != json.end() && found->is_number())
    metadata.duration_seconds = std::max(0.0, found->get<double>());
  const Json change_ids = json.value("disk_change_ids", Json::object());
  const Json disks = json.value("disks", Json::array());
  if (!change_ids.is_object() && !change_ids.is_null()) return damaged("\"disk_change_ids\" is no object");
  if (disks.is_null()) return metadata;
  if (!disks.is_array() || disks.size() > kMaxDisks) return damaged("\"disks\" is no list of them");
  for (const Json& disk : disks) metadata.disks.push_back(HX_TRY_IN("disks", parse_disk(disk, change_ids)));
  return metadata;
}

std::string format_export_metadata(const ExportMetadata& metadata) {
  Json disks = Json::array(), change_ids = Json::object();
  for (const TrackedDisk& disk : metadata.disks) {
    disks.push_back({{"key", disk.key},
                     {"path", disk.path},
                     {"capacity_bytes", disk.capacity_bytes},
                     {"change_id", disk.change_id},
                     {"backing_info", disk.backing_info}});
    change_ids[disk.key] = disk.change_id;
  }
  Json json = {{"vm_id", metadata.vm_id},
               {"vm_name", metadata.vm_name},
               {"export_time", format_rfc3339(metadata.export_time)},
               {"snapshot_id", metadata.snapshot_id},
               {"change_id", metadata.change_id},
               {"disk_change_ids", std::move(change_ids)},
               {"export_path", metadata.export_path},
               {"total_size", metadata.total_size},
               {"disks", std::move(disks)}};
  if (metadata.duration_seconds > 0) json["duration_seconds"] = metadata.duration_seconds;
  return dump_json(json, 2) + "\n";
}

Result<ExportMetadata> read_export_metadata(const std::string& path) {
  return HX_TRY_IN(path, parse_export_metadata(HX_TRY(read_text(path))));
}

MetadataStore::MetadataStore(std::string directory) : directory_(std::move(directory)) {
  if (!directory_.empty()) return;
  if (!state_home().empty()) directory_ = state_home() + "/hx/incremental";
  if (!home().empty()) legacy_ = home() + "/.hypersdk/incremental";
}

Result<std::string> MetadataStore::directory_of(const std::string& vm) const {
  if (directory_.empty()) return usage_error("neither XDG_STATE_HOME nor HOME says where the state is");
  if (!is_leaf_name(vm) || vm.starts_with('.')) return usage_error("'" + vm + "' is no name of a machine");
  return directory_ + "/" + vm;
}

Result<std::optional<ExportMetadata>> MetadataStore::latest(const std::string& vm) const {
  const std::string own = HX_TRY(directory_of(vm)) + "/" + std::string(kLatest);
  for (const std::string& path : {own, legacy_.empty() ? own : legacy_ + "/" + vm + "/" + std::string(kLatest)}) {
    if (::access(path.c_str(), F_OK) != 0 && (errno == ENOENT || errno == ENOTDIR)) continue;
    return std::optional(HX_TRY(read_export_metadata(path)));
  }
  return std::optional<ExportMetadata>();
}

Result<std::string> MetadataStore::save(const std::string& vm, const ExportMetadata& metadata) const {
  const std::string directory = HX_TRY(directory_of(vm));
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return system_error(error.value(), directory);
  ::chmod(directory.c_str(), 0700);
  const std::string text = format_export_metadata(metadata), path = directory + "/" + file_name(metadata.export_time);
  HX_TRY(write_text(path, text));
  HX_TRY(write_text(directory + "/" + std::string(kLatest), text));
  return path;
}

Result<std::vector<std::string>> MetadataStore::files(const std::string& vm) const {
  const std::string directory = HX_TRY(directory_of(vm));
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory, error)) {
    const std::string leaf = entry.path().filename().string();
    if (leaf.ends_with(".json") && leaf != kLatest && !leaf.starts_with('.')) paths.push_back(directory + "/" + leaf);
  }
  if (error && error.value() != ENOENT) return system_error(error.value(), directory);
  std::ranges::sort(paths);
  return paths;
}

Result<std::vector<std::string>> MetadataStore::machines() const {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(directory_, error))
    if (entry.is_directory(error)) names.push_back(entry.path().filename().string());
  if (error && error.value() != ENOENT) return system_error(error.value(), directory_);
  std::ranges::sort(names);
  return names;
}

Result<std::vector<std::string>> MetadataStore::prune(const std::string& vm, size_t keep, Pruning pruning) const {
  std::vector<std::string> paths = HX_TRY(files(vm));
  paths.resize(paths.size() > keep ? paths.size() - keep : 0);
  for (const std::string& path : paths)
    if (pruning == Pruning::kRemove && ::unlink(path.c_str()) != 0) return system_error(errno, path);
  return paths;
}

}  // namespace hx
