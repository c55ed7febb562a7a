#pragma once
#include <atomic>
#include <functional>
#include <thread>

#include "io/unique_fd.h"

namespace hx {

// Notices that nobody reads a pipe or socket any more, while its writer waits for something else and so would not see
// EPIPE: a server that stalls.
class ClosedReaderWatch {
 public:
  // fd stays the caller's and open. on_closed is called once, in the watch's thread. Of files, and where a thread
  // cannot be had, it is never called.
  ClosedReaderWatch(int fd, std::function<void()> on_closed);
  ~ClosedReaderWatch();
  ClosedReaderWatch(const ClosedReaderWatch&) = delete;

  bool is_closed() const { return is_closed_; }

 private:
  UniqueFd stop_;
  std::atomic<bool> is_closed_ = false;
  std::thread thread_;
};

}  // namespace hx
