#include "checkpoint/checkpoint.h"

#include <algorithm>
#include <array>

#include "base/json.h"
#include "checkpoint/stored_location.h"

namespace hx {
namespace {

constexpr std::array<std::pair<FileStatus, const char*>, 4> kStatusNames = {{{FileStatus::kPending, "pending"},
                                                                             {FileStatus::kDownloading, "downloading"},
                                                                             {FileStatus::kCompleted, "completed"},
                                                                             {FileStatus::kFailed, "failed"}}};

bool is_utf8(std::string_view text) {
  // The writer replaces what is not by U+FFFD, so that it would come back as another name.
  return dump_json(Json(std::string(text))).find("\xEF\xBF\xBD") == std::string::npos;
}

std::string_view without_slashes(std::string_view path) {
  while (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  return path;
}

}  // namespace

const char* file_status_name(FileStatus status) {
  for (const auto& [known, name] : kStatusNames)
    if (known == status) return name;
  return "?";
}

std::optional<FileStatus> parse_file_status(std::string_view text) {
  for (const auto& [status, name] : kStatusNames)
    if (text == name) return status;
  return std::nullopt;
}

PrefixDigest prefix_digest(const Sha256State& state) { return {state, ResumableSha256(state).digest()}; }

bool is_consistent(const PrefixDigest& prefix) { return ResumableSha256(prefix.state).digest() == prefix.digest; }

const FileCheckpoint* Checkpoint::find(std::string_view path) const {
  const auto found = std::ranges::find(files, path, &FileCheckpoint::path);
  return found == files.end() ? nullptr : &*found;
}

FileCheckpoint* Checkpoint::find(std::string_view path) {
  return const_cast<FileCheckpoint*>(std::as_const(*this).find(path));
}

bool Checkpoint::is_complete() const {
  return !files.empty() &&
         std::ranges::all_of(files, [](const auto& file) { return file.status == FileStatus::kCompleted; });
}

double Checkpoint::progress() const {
  double total = 0, done = 0;
  for (const FileCheckpoint& file : files) {
    if (!file.total_size) continue;
    total += static_cast<double>(*file.total_size);
    done += static_cast<double>(file.downloaded_size);
  }
  return total > 0 ? std::min(done / total, 1.0) : is_complete() ? 1 : 0;
}

bool is_stored_path(std::string_view path) {
  if (path.empty() || path.size() > 4096 || !is_utf8(path)) return false;
  if (std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == 0x7F; })) return false;
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string_view part = path.substr(begin, end - begin);
    if (part.empty() || part == "." || part == "..") return false;
    begin = end + 1;
  }
  return true;
}

std::string difference_of(const Checkpoint& old, const Checkpoint& wanted) {
  // As text that went through JSON: what is no UTF-8 comes back changed.
  const auto same = [](std::string_view a, std::string_view b) {
    return dump_json(Json(std::string(a))) == dump_json(Json(std::string(b)));
  };
  if (!same(old.vm_name, wanted.vm_name)) return "vm_name";
  if (!same(old.provider, wanted.provider)) return "provider";
  if (!same(old.export_format, wanted.export_format)) return "export_format";
  if (!same(without_slashes(old.output_path), without_slashes(wanted.output_path))) return "output_path";
  return "";
}

}  // namespace hx
