#pragma once
// A forked child that does something, says so, and waits to be killed or let go.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

namespace hx::test {

class ChildProcess {
 public:
  // Returns when the child has done `work`. The child leaves without cleaning up if work() says false.
  explicit ChildProcess(const std::function<bool()>& work) {
    int done[2], leave[2];
    if (::pipe(done) != 0 || ::pipe(leave) != 0) return;
    pid_ = ::fork();
    if (pid_ == 0) {
      ::close(leave[1]);
      const bool ok = work();
      char byte = ok ? 'y' : 'n';
      if (::write(done[1], &byte, 1) != 1) ::_exit(2);
      while (ok && ::read(leave[0], &byte, 1) < 0) continue;
      ::_exit(0);
    }
    ::close(done[1]);
    ::close(leave[0]);
    leave_ = leave[1];
    char byte = 'n';
    ready_ = ::read(done[0], &byte, 1) == 1 && byte == 'y';
    ::close(done[0]);
  }
  ~ChildProcess() { stop(SIGKILL); }
  ChildProcess(const ChildProcess&) = delete;

  bool ready() const { return ready_; }
  void stop(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    ::close(leave_);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
    pid_ = -1;
  }

 private:
  pid_t pid_ = -1;
  int leave_ = -1;
  bool ready_ = false;
};

}  // namespace hx::test
