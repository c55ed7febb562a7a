#include "io/device_use.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "io/fd_io.h"

namespace hx {
namespace {

namespace fs = std::filesystem;

using Use = std::optional<std::string>;

// QEMU's block/file-posix.c: a shared lock on byte 100 + n says "I use permission n", on byte 200 + n "nobody else
// may". Permission 1 (BLK_PERM_WRITE = 1 << 1) is writing.
constexpr off_t kQemuLocks = 100, kQemuLockCount = 200, kQemuWrites = 101;

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// "253:1", as sysfs and mountinfo write it.
std::optional<dev_t> parse_device(std::string_view text) {
  unsigned major_number = 0, minor_number = 0;
  const char* const end = text.data() + text.size();
  const auto [colon, error] = std::from_chars(text.data(), end, major_number);
  if (error != std::errc() || colon == end || *colon != ':') return std::nullopt;
  if (std::from_chars(colon + 1, end, minor_number).ec != std::errc()) return std::nullopt;
  return makedev(major_number, minor_number);
}

fs::path sysfs_of(dev_t device) {
  return "/sys/dev/block/" + std::to_string(major(device)) + ":" + std::to_string(minor(device));
}

// The kernel writes blanks and backslashes in paths as three octal digits.
std::string unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned code = 0;
    if (text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 1] + 3, code, 8).ptr == &text[i + 1] + 3) {
      out += static_cast<char>(code);
      i += 3;
    } else {
      out += text[i];
    }
  }
  return out;
}

bool is_device(const std::string& path, dev_t device) {
  struct stat st;
  return !path.empty() && path[0] == '/' && stat(path.c_str(), &st) == 0 && S_ISBLK(st.st_mode) && st.st_rdev == device;
}

// proc(5), /proc/PID/mountinfo: id parent major:minor root point options [tags…] - type source super-options.
// Whether the file system is written to is in the super options: a mount of its own may be read-only beside another.
// The source is looked at too, as btrfs shows a device number of its own.
Use who_mounts(dev_t device, UseFor use) {
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id, parent, number, root, point, options, word, type, source, super_options;
    words >> id >> parent >> number >> root >> point >> options;
    while (words >> word && word != "-") continue;
    if (!(words >> type >> source >> super_options)) continue;
    if (parse_device(number) != device && !is_device(unescape(source), device)) continue;
    const bool read_only = super_options == "ro" || super_options.starts_with("ro,");
    if (read_only && use == UseFor::kReading) continue;
    return std::string("mounted ") + (read_only ? "read-only" : "read-write") + " on " + unescape(point);
  }
  return std::nullopt;
}

// Swap is a device or a file; either is the same thing as ours by its numbers, whatever its path.
Use who_swaps(const struct stat& own) {
  std::ifstream swaps("/proc/swaps");
  std::string line;
  std::getline(swaps, line);  // headings
  while (std::getline(swaps, line)) {
    struct stat st;
    if (stat(unescape(line.substr(0, line.find_first_of(" \t"))).c_str(), &st) != 0) continue;
    const bool same = S_ISBLK(own.st_mode) ? S_ISBLK(st.st_mode) && st.st_rdev == own.st_rdev
                                           : st.st_dev == own.st_dev && st.st_ino == own.st_ino;
    if (same) return "in use as swap space";
  }
  return std::nullopt;
}

// "/dev/mapper/vg-root" or "/dev/md0" for an entry of a holders directory.
std::string device_name(const fs::path& holder) {
  const std::string mapped = first_line(holder / "dm/name");
  return mapped.empty() ? "/dev/" + holder.filename().string() : "/dev/mapper/" + mapped;
}

// Mounts and swap on the device, on its partitions, and on what the kernel builds on it (device mapper, RAID), whose
// being there is enough to forbid writing.
Use who_uses_device(dev_t device, UseFor use, int depth = 0) {
  struct stat as_stat = {};
  as_stat.st_mode = S_IFBLK;
  as_stat.st_rdev = device;
  if (Use swap = who_swaps(as_stat)) return swap;
  if (Use mount = who_mounts(device, use)) return mount;
  if (depth > 8) return std::nullopt;  // deeper than anybody stacks; sysfs has no loops
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(sysfs_of(device), error)) {
    if (!fs::exists(entry.path() / "partition", error)) continue;
    const auto part = parse_device(first_line(entry.path() / "dev"));
    if (!part) continue;
    if (Use user = who_uses_device(*part, use, depth + 1))
      return "its partition " + entry.path().filename().string() + " is " + *user;
  }
  for (const auto& entry : fs::directory_iterator(sysfs_of(device) / "holders", error)) {
    const auto holder = parse_device(first_line(entry.path() / "dev"));
    if (!holder) continue;
    if (Use user = who_uses_device(*holder, use, depth + 1)) return *user + " through " + device_name(entry.path());
    if (use == UseFor::kWriting) return "in use by " + device_name(entry.path());
  }
  return std::nullopt;
}

// Loop devices that this file or device is behind, and who uses those.
Use who_loops(const struct stat& own, UseFor use) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/sys/block", error)) {
    struct stat st;
    const std::string file = first_line(entry.path() / "loop/backing_file");
    if (file.empty() || stat(file.c_str(), &st) != 0 || st.st_dev != own.st_dev || st.st_ino != own.st_ino) continue;
    const auto loop = parse_device(first_line(entry.path() / "dev"));
    if (!loop) continue;
    const std::string device = "/dev/" + entry.path().filename().string();
    if (Use user = who_uses_device(*loop, use)) return *user + " through " + device;
    if (use == UseFor::kWriting) return "attached to " + device;
  }
  return std::nullopt;
}

// F_WRLCK, because QEMU's own locks are shared ones. The test needs no write access.
bool locked_by_others(int fd, off_t first, off_t length) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = first;
  lock.l_len = length;
  return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace

Result<std::optional<std::string>> who_uses(int fd, const std::string& path, UseFor use) {
  const struct stat own = HX_TRY(stat_fd(fd, path));
  if (!S_ISREG(own.st_mode) && !S_ISBLK(own.st_mode)) return Use();
  Use user = S_ISBLK(own.st_mode) ? who_uses_device(own.st_rdev, use) : who_swaps(own);
  if (!user) user = who_loops(own, use);
  if (!user && locked_by_others(fd, kQemuWrites, 1)) user = "locked by QEMU for writing";
  if (!user && use == UseFor::kWriting && locked_by_others(fd, kQemuLocks, kQemuLockCount)) user = "locked by QEMU";
  return user;
}

}  // namespace hx
