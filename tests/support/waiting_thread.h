#pragma once
// A thread that is expected to wait for something, without a guess at how long that takes to begin.

#include <unistd.h>

#include <atomic>
#include <fstream>
#include <functional>
#include <string>
#include <thread>

namespace hx::test {

// The constructor returns when work() sleeps in the kernel, or is done.
class WaitingThread {
 public:
  explicit WaitingThread(std::function<void()> work)
      : thread_([this, task = std::move(work)] {
          id_ = ::gettid();
          task();
          done_ = true;
        }) {
    while (!done_ && !(id_ && sleeps())) std::this_thread::yield();
  }
  ~WaitingThread() { join(); }
  WaitingThread(const WaitingThread&) = delete;

  bool done() const { return done_; }
  void join() {
    if (thread_.joinable()) thread_.join();
  }

 private:
  bool sleeps() const {  // proc(5), /proc/PID/stat: the state follows the name in brackets
    std::ifstream file("/proc/self/task/" + std::to_string(id_) + "/stat");
    std::string line;
    std::getline(file, line);
    const size_t name_end = line.rfind(')');
    return name_end != std::string::npos && line.compare(name_end, 3, ") S") == 0;
  }

  std::atomic<pid_t> id_ = 0;
  std::atomic<bool> done_ = false;
  std::thread thread_;
};

}  // namespace hx::test
