#include "providers/nbd/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "io/fd_io.h"
#include "io/temporary_names.h"

namespace hx {
namespace {

using std::chrono::milliseconds;

constexpr int kListenFd = 3;  // SD_LISTEN_FDS_START of sd_listen_fds(3)

}  // namespace

// A directory that only we may enter, with a socket in it; both go with the object.
class PrivateSocket {
 public:
  static Result<std::unique_ptr<PrivateSocket>> listening() {
    auto made = std::unique_ptr<PrivateSocket>(new PrivateSocket);
    std::error_code ignored;
    std::string directory = std::filesystem::temp_directory_path(ignored).string();
    if (directory.size() > 80) directory = "/tmp";  // a socket's path has 107 bytes
    directory += "/hx-nbd-XXXXXX";
    if (!::mkdtemp(directory.data())) return system_error(errno, directory);
    made->directory_ = directory;
    register_temporary(made->directory_);
    made->path_ = directory + "/socket";
    register_temporary(made->path_);
    made->address_.sun_family = AF_UNIX;
    std::strncpy(made->address_.sun_path, made->path_.c_str(), sizeof made->address_.sun_path - 1);
    made->fd_ = HX_TRY(new_socket());
    if (::bind(made->fd_.get(), made->address(), sizeof made->address_) != 0 ||
        ::listen(made->fd_.get(), SOMAXCONN) != 0)
      return system_error(errno, made->path_);
    return made;
  }
  ~PrivateSocket() {
    if (!path_.empty()) ::unlink(path_.c_str()), forget_temporary(path_);
    if (!directory_.empty()) ::rmdir(directory_.c_str()), forget_temporary(directory_);
  }
  PrivateSocket(const PrivateSocket&) = delete;

  // Returns at once: the kernel keeps the connection until somebody accepts it.
  Result<UniqueFd> connect() const {
    UniqueFd fd = HX_TRY(new_socket());
    if (::connect(fd.get(), address(), sizeof address_) != 0) return system_error(errno, path_);
    return fd;
  }
  UniqueFd take_listener() { return std::move(fd_); }

 private:
  PrivateSocket() = default;
  static Result<UniqueFd> new_socket() {
    UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) return system_error(errno, "socket");
    return fd;
  }
  const sockaddr* address() const { return reinterpret_cast<const sockaddr*>(&address_); }

  std::string directory_, path_;
  sockaddr_un address_ = {};
  UniqueFd fd_;
};

namespace {

class SpawnSettings {
 public:
  SpawnSettings(int listener, int output, const std::vector<int>& inherited) {
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);  // ours is a pipeline's
    posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
    posix_spawn_file_actions_adddup2(&actions, listener, kListenFd);
    // Onto itself: that is how posix_spawn(3) keeps a descriptor open.
    for (const int fd : inherited) posix_spawn_file_actions_adddup2(&actions, fd, fd);
    posix_spawnattr_init(&attributes);
    sigset_t none, ignored;
    sigemptyset(&none);
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    posix_spawnattr_setsigmask(&attributes, &none);  // ours are blocked: cli/signals
    posix_spawnattr_setsigdefault(&attributes, &ignored);
    // A group of its own: Ctrl-C is for us, and the server sees us go.
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

// LISTEN_PID must be the server's own: a shell knows it, and keeps it when it becomes the server.
Result<int> spawn(const std::vector<std::string>& argv, const std::vector<int>& inherited, int listener, int output) {
  std::vector<std::string> words = {"/bin/sh", "-c",
                                    "export LISTEN_PID=$$ LISTEN_FDS=1; unset LISTEN_FDNAMES; exec \"$@\"", "sh"};
  words.insert(words.end(), argv.begin(), argv.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const SpawnSettings settings(listener, output, inherited);
  pid_t pid = -1;
  const int error = ::posix_spawn(&pid, "/bin/sh", &settings.actions, &settings.attributes, pointers.data(), environ);
  if (error != 0) return system_error(error, argv[0]);
  return static_cast<int>(pid);
}

// dup2 onto itself would leave it, or another of our descriptors would be in the way.
Result<UniqueFd> above_listen_fd(int fd) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, kListenFd + 1));
  if (!copy) return system_error(errno, "socket");
  return copy;
}

}  // namespace

ServerProcess::ServerProcess(std::string name, UniqueFd output, std::unique_ptr<PrivateSocket> socket)
    : name_(std::move(name)), output_(std::move(output)), socket_(std::move(socket)) {}

Result<std::unique_ptr<ServerProcess>> ServerProcess::start(const std::vector<std::string>& argv,
                                                            const std::vector<int>& inherited) {
  if (argv.empty()) return bug("a server without a command");
  UniqueFd output(::memfd_create("server-output", MFD_CLOEXEC));
  if (!output) return system_error(errno, argv[0] + ": memfd_create");
  output = HX_TRY(above_listen_fd(output.get()));
  auto socket = HX_TRY(PrivateSocket::listening());
  const UniqueFd listener = socket->take_listener();  // the server's alone: who connects when it has gone hears so
  auto server = std::unique_ptr<ServerProcess>(new ServerProcess(argv[0], std::move(output), std::move(socket)));
  const UniqueFd high = HX_TRY(above_listen_fd(listener.get()));
  server->pid_ = HX_TRY(spawn(argv, inherited, high.get(), server->output_.get()));
  // glibc 2.36 declares pidfd_open() for C only.
  server->pidfd_.reset(static_cast<int>(::syscall(SYS_pidfd_open, server->pid_, 0)));
  if (!server->pidfd_) return system_error(errno, argv[0] + ": pidfd_open");
  return server;
}

void ServerProcess::hide_socket() { socket_.reset(); }

Result<UniqueFd> ServerProcess::connect() {
  if (!socket_) return bug(name_ + ": its socket is hidden");
  return socket_->connect();
}

ServerProcess::~ServerProcess() {
  socket_.reset();
  if (pid_ < 0) return;
  ::kill(pid_, SIGTERM);
  if (ended_within(std::chrono::seconds(10))) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
}

bool ServerProcess::ended_within(milliseconds time) {
  if (pid_ < 0) return true;
  pollfd ended = {pidfd_.get(), POLLIN, 0};
  const auto until = std::chrono::steady_clock::now() + time;
  while (pidfd_) {
    const auto left = std::chrono::duration_cast<milliseconds>(until - std::chrono::steady_clock::now());
    const int count = ::poll(&ended, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (count == 0) return false;
    if (count > 0 || errno != EINTR) break;
  }
  while (::waitpid(pid_, &wait_status_, 0) < 0 && errno == EINTR) continue;
  pid_ = -1;
  return true;
}

std::string ServerProcess::first_line() const {
  std::array<char, 65536> text;  // qemu-nbd tells a whole chain of images before it comes to the point
  const ssize_t count = ::pread(output_.get(), text.data(), text.size(), 0);
  std::string line(text.data(), count > 0 ? static_cast<size_t>(count) : 0);
  line.resize(std::min(line.find('\n'), line.size()));
  for (char& c : line)
    if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) c = '?';
  // "qemu-nbd: Failed to …" under our own "qemu-nbd: "
  const std::string own = std::filesystem::path(name_).filename().string() + ": ";
  return line.starts_with(own) ? line.substr(own.size()) : line;
}

std::string ServerProcess::failure_within(milliseconds time) {
  if (!ended_within(time)) return "";
  const std::string said = first_line(), why = said.empty() ? "" : ": " + said;
  if (WIFSIGNALED(wait_status_)) return name_ + ": was ended by signal " + std::to_string(WTERMSIG(wait_status_)) + why;
  if (WEXITSTATUS(wait_status_) == 127) return name_ + ": is not installed";  // sh(1)
  if (!said.empty()) return name_ + why;
  return name_ + ": ended with status " + std::to_string(WEXITSTATUS(wait_status_));
}

Status ServerProcess::wait_for_end(milliseconds time) {
  socket_.reset();
  if (!ended_within(time))
    return Error{ErrorKind::kTemporary, name_ + ": did not end within " + std::to_string(time.count() / 1000) + " s",
                 "", "timeout"};
  if (WIFEXITED(wait_status_) && WEXITSTATUS(wait_status_) == 0) return {};
  return bug(failure_within(milliseconds(0)));
}

}  // namespace hx
