#include "providers/nbd/server_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

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

// All that the child must know: between fork() and execve() nothing may be allocated, as another thread may have been
// amid that.
struct ServerStart {
  char* const* argv;
  const std::vector<int>& inherited;
  int listener, output;
  pid_t parent;
};

// Handlers are ours, and would do our cleaning up in the child.
void set_default_signals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action;
    if (::sigaction(signal, nullptr, &action) != 0 || action.sa_handler == SIG_DFL) continue;
    // What we ignore stays so, but for SIGPIPE, which no server expects to be.
    if (action.sa_handler == SIG_IGN && signal != SIGPIPE) continue;
    action = {};
    action.sa_handler = SIG_DFL;
    ::sigaction(signal, &action, nullptr);
  }
}

[[noreturn]] void become_server(const ServerStart& start) {
  // A server whose client is killed before it has said hello waits for another one, for ever. SIGTERM would not do:
  // qemu-nbd forgets one that comes while it starts. What it writes is nobody's any more.
  // Whoever was killed before this is seen by its child's new parent.
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != start.parent) ::_exit(1);
  // A group of its own: Ctrl-C is for us, and the server sees us go.
  ::setpgid(0, 0);
  const int nothing = ::open("/dev/null", O_RDONLY);
  bool good = nothing >= 0 && ::dup2(nothing, STDIN_FILENO) >= 0;
  good = good && ::dup2(start.output, STDOUT_FILENO) >= 0;  // ours is a pipeline's
  good = good && ::dup2(start.output, STDERR_FILENO) >= 0 && ::dup2(start.listener, kListenFd) >= 0;
  if (nothing > STDERR_FILENO && nothing != kListenFd) ::close(nothing);
  for (const int fd : start.inherited) good = good && ::fcntl(fd, F_SETFD, 0) == 0;
  if (!good) ::_exit(126);
  set_default_signals();
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);  // ours are blocked: cli/signals
  ::execve("/bin/sh", start.argv, environ);
  ::_exit(126);
}

// LISTEN_PID must be the server's own: a shell knows it, and keeps it when it becomes the server.
Result<int> spawn(const std::vector<std::string>& argv, const std::vector<int>& inherited, int listener, int output) {
  std::vector<std::string> words = {"/bin/sh", "-c",
                                    "export LISTEN_PID=$$ LISTEN_FDS=1; unset LISTEN_FDNAMES; exec \"$@\"", "sh"};
  words.insert(words.end(), argv.begin(), argv.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const ServerStart start{pointers.data(), inherited, listener, output, ::getpid()};
  // posix_spawn() cannot ask for a signal when its parent dies.
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  if (pid == 0) become_server(start);
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return system_error(error, argv[0]);
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
