#include "checkpoint/sidecar_care.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "base/json.h"
#include "base/time_text.h"
#include "checkpoint/lock_file.h"
#include "checkpoint/sidecar_file.h"
#include "checkpoint/sidecar_text.h"
#include "io/atomic_file.h"
#include "io/fd_io.h"

namespace hx {
namespace {

// ".a.checkpoint.bad", ".a.checkpoint.zst.bad2".
bool is_set_aside(std::string_view leaf) {
  const size_t mark = leaf.rfind(".bad");
  if (mark == std::string_view::npos || !is_sidecar_leaf(leaf.substr(0, mark))) return false;
  return std::ranges::all_of(leaf.substr(mark + 4), [](char c) { return c >= '0' && c <= '9'; });
}

std::string leaf_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }

// Whatever was set aside has the lock of the checkpoint that it was.
std::string lock_for(const std::string& path) {
  return lock_path_of(is_set_aside(leaf_of(path)) ? path.substr(0, path.rfind(".bad")) : path);
}

}  // namespace

std::string format_finding(const FileFinding& finding, FindingForm form) {
  if (form == FindingForm::kText)
    return finding.path + ": " + (finding.holds ? "holds: " : "WRONG: ") + finding.message + "\n";
  return dump_json({{"path", finding.path},
                    {"status", file_status_name(finding.status)},
                    {"holds", finding.holds},
                    {"whole", finding.is_whole},
                    {"message", finding.message}}) +
         "\n";
}

std::string format_listed(const std::string& path, FindingForm form, const Clock& clock) {
  Result<Checkpoint> read = read_sidecar(path);
  if (form == FindingForm::kJson) {
    Json json = {{"checkpoint", path}};
    json["vm_name"] = read ? Json(read->vm_name) : Json();
    json["provider"] = read ? Json(read->provider) : Json();
    json["progress"] = read ? Json(read->progress()) : Json();
    json["files"] = read ? Json(read->files.size()) : Json();
    json["updated_at"] = read ? Json(format_rfc3339(read->updated_at)) : Json();
    json["error"] = read ? Json() : Json(read.error().message);
    return dump_json(json) + "\n";
  }
  if (!read) return read.error().message + "\n";
  char progress[32];
  std::snprintf(progress, sizeof progress, "%.1f%%", read->progress() * 100);
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(clock.wall_now() - read->updated_at);
  return path + ": " + read->vm_name + " (" + read->provider + "), " + progress + " of " +
         std::to_string(read->files.size()) + " files, saved " + format_age(std::max(age, std::chrono::seconds(0))) +
         " ago\n";
}

Result<std::vector<std::string>> older_sidecars(const std::string& directory, std::chrono::milliseconds age,
                                                const Clock& clock) {
  const std::unique_ptr<DIR, int (*)(DIR*)> dir(opendir(directory.c_str()), closedir);
  if (!dir) return system_error(errno, directory);
  std::vector<std::string> paths;
  for (errno = 0; const dirent* entry = readdir(dir.get()); errno = 0) {
    if (!is_sidecar_leaf(entry->d_name) && !is_set_aside(entry->d_name)) continue;
    struct stat st;
    if (fstatat(dirfd(dir.get()), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode)) continue;
    const auto written = std::chrono::system_clock::time_point(std::chrono::seconds(st.st_mtim.tv_sec));
    if (clock.wall_now() - written > age)
      paths.push_back(directory + (directory.ends_with('/') ? "" : "/") + entry->d_name);
  }
  if (errno != 0) return system_error(errno, directory);
  std::sort(paths.begin(), paths.end());
  return paths;
}

Status remove_unused(const std::string& path, const Clock& clock) {
  const LockFile lock = HX_TRY(LockFile::take(lock_for(path), clock));
  if (unlink(path.c_str()) < 0) return system_error(errno, path + ": remove");
  return {};
}

Status convert_sidecar(const std::string& from, const std::string& to, const Clock& clock) {
  if (from == to) return {};
  const LockFile lock = HX_TRY(LockFile::take(lock_for(from), clock));
  const std::string text = HX_TRY(read_sidecar_text(from));
  (void)HX_TRY_IN(from, parse_sidecar(text));
  const std::string bytes = HX_TRY_IN(to, encode_sidecar(text, to));
  AtomicFile file = HX_TRY(AtomicFile::open(to, Overwrite::kRefuse, 0600));
  HX_TRY(pwrite_fd(file.fd(), to, 0, as_bytes(bytes)));
  HX_TRY(file.commit());
  if (unlink(from.c_str()) < 0) return system_error(errno, from + ": remove");
  return {};
}

}  // namespace hx
