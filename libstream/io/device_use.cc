#include "io/device_use.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <vector>

#include "io/fd_io.h"

namespace hx {
namespace {

namespace fs = std::filesystem;

std::string number_of(dev_t device) { return std::to_string(major(device)) + ":" + std::to_string(minor(device)); }

// The disk and its partitions, or the partition and its disk's number is left out: a mounted sibling is no concern.
std::vector<std::string> device_and_parts(dev_t device) {
  std::vector<std::string> numbers = {number_of(device)};
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/sys/dev/block/" + number_of(device) + "/", error)) {
    std::ifstream file(entry.path() / "dev");
    std::string number;
    if (fs::exists(entry.path() / "partition", error) && file >> number) numbers.push_back(number);
  }
  return numbers;
}

// Mount points come with octal escapes for blanks: shown as they are.
std::optional<std::string> who_mounts(const std::vector<std::string>& numbers, UseFor use) {
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id, parent, number, root, point, options;
    if (!(words >> id >> parent >> number >> root >> point >> options)) continue;
    const bool read_only = options == "ro" || options.starts_with("ro,");
    if (read_only && use == UseFor::kReading) continue;
    for (const std::string& own : numbers)
      if (own == number) return std::string("mounted ") + (read_only ? "read-only" : "read-write") + " on " + point;
  }
  return std::nullopt;
}

std::optional<std::string> who_swaps(const std::string& path) {
  char* real = realpath(path.c_str(), nullptr);
  const std::string wanted = real ? real : path;
  free(real);
  std::ifstream swaps("/proc/swaps");
  std::string line;
  std::getline(swaps, line);  // headings
  while (std::getline(swaps, line))
    if (line.substr(0, line.find_first_of(" \t")) == wanted) return "in use as swap space";
  return std::nullopt;
}

// Loop devices that this file is behind, and who mounts those.
std::optional<std::string> who_loops(const std::string& path, UseFor use) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/sys/block", error)) {
    std::ifstream backing(entry.path() / "loop/backing_file"), dev(entry.path() / "dev");
    std::string file, number;
    if (!std::getline(backing, file) || !(dev >> number) || !fs::equivalent(file, path, error)) continue;
    const std::string device = "/dev/" + entry.path().filename().string();
    const size_t colon = number.find(':');
    const dev_t id = makedev(static_cast<unsigned>(atoi(number.c_str())), static_cast<unsigned>(atoi(number.c_str() + colon + 1)));
    if (auto mount = who_mounts(device_and_parts(id), use)) return *mount + " through " + device;
    if (use == UseFor::kWriting) return "attached to " + device;
  }
  return std::nullopt;
}

// QEMU's block/file-posix.c: it holds shared locks on byte 100 + n for each permission n it uses; writing is number 1.
bool qemu_holds(int fd, off_t first, off_t length) {
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = first;
  lock.l_len = length;
  return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace

Result<std::optional<std::string>> who_uses(int fd, const std::string& path, UseFor use) {
  const struct stat st = HX_TRY(stat_fd(fd, path));
  std::optional<std::string> user = who_swaps(path);
  if (S_ISBLK(st.st_mode)) {
    if (!user) user = who_mounts(device_and_parts(st.st_rdev), use);
    return user;
  }
  if (!S_ISREG(st.st_mode)) return user;
  if (!user) user = who_loops(path, use);
  if (!user && qemu_holds(fd, 101, 1)) user = "locked by QEMU for writing";
  if (!user && use == UseFor::kWriting && qemu_holds(fd, 100, 100)) user = "locked by QEMU";
  return user;
}

}  // namespace hx
