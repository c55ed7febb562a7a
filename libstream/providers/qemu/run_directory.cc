#include "providers/qemu/run_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "io/temporary_names.h"
#include "io/unique_fd.h"

namespace hx {
namespace {

// A socket's path has at most 107 bytes, and our part of it 50.
constexpr size_t kLongestParent = 56;

std::string parent_directory() {
  const char* text = std::getenv("TMPDIR");
  if (text && *text == '/' && std::string_view(text).size() <= kLongestParent) return text;
  return "/var/tmp";
}

// "hx-4711-3a5f2c-0-Ab3x9Z" → the run
std::optional<RunName> run_of_directory(const std::string& leaf) {
  const size_t dash = leaf.rfind('-');
  if (dash == std::string::npos || leaf.size() - dash != 7) return std::nullopt;
  return RunName::parse(leaf.substr(0, dash) + "d0");
}

}  // namespace

Result<std::unique_ptr<RunDirectory>> RunDirectory::make(const RunName& run, uid_t peer) {
  if (peer != ::geteuid() && ::geteuid() != 0)
    return Error{ErrorKind::kPermission, "QEMU runs as another user, who cannot share a directory with us",
                 "run this as root, or as QEMU's user", ""};
  auto directory = std::unique_ptr<RunDirectory>(new RunDirectory(peer));
  std::string path = parent_directory() + "/" + run.text() + "-XXXXXX";
  if (!::mkdtemp(path.data())) return system_error(errno, path);
  directory->path_ = path;
  register_temporary(directory->path_);
  register_temporary(directory->socket());
  HX_TRY(directory->give_to_peer(path));
  return directory;
}

RunDirectory::~RunDirectory() {
  if (path_.empty()) return;
  ::unlink(socket().c_str());
  forget_temporary(socket());
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
  forget_temporary(path_);
}

Status RunDirectory::give_to_peer(const std::string& path) const {
  if (peer_ != ::geteuid() && ::chown(path.c_str(), peer_, static_cast<gid_t>(-1)) != 0)
    return system_error(errno, path);
  return {};
}

Result<std::string> RunDirectory::add_file(const std::string& name) {
  const std::string path = path_ + "/" + name;
  register_temporary(path);
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) return system_error(errno, path);
  HX_TRY(give_to_peer(path));
  return path;
}

void RunDirectory::remove_file(const std::string& path) {
  ::unlink(path.c_str());
  forget_temporary(path);
}

bool has_listening_socket(const RunName& run) {
  std::ifstream sockets("/proc/net/unix");
  const std::string part = "/" + run.text() + "-";
  for (std::string line; std::getline(sockets, line);) {
    // Num RefCount Protocol Flags Type St Inode Path; flag 00010000 is __SO_ACCEPTCON.
    if (line.find(part) != line.npos && line.ends_with("/nbd") && line.find(" 00010000 ") != line.npos) return true;
  }
  return false;
}

void remove_dead_directories() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(parent_directory(), error)) {
    const auto run = run_of_directory(entry.path().filename().string());
    struct stat status;
    if (!run || run->is_alive() || ::lstat(entry.path().c_str(), &status) != 0) continue;
    // Root gives its own to QEMU's user.
    if (!S_ISDIR(status.st_mode) || (status.st_uid != ::geteuid() && ::geteuid() != 0)) continue;
    std::error_code ignored;
    std::filesystem::remove_all(entry.path(), ignored);
  }
}

}  // namespace hx
