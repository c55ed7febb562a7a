#include "io/closed_reader.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

namespace hx {

ClosedReaderWatch::ClosedReaderWatch(int fd, std::function<void()> on_closed) : stop_(::eventfd(0, EFD_CLOEXEC)) {
  if (!stop_) return;
  const auto watch = [this, fd, on_closed = std::move(on_closed)] {
    // Nothing is asked for: POLLERR (a pipe without a reader, pipe(7)) and POLLHUP come all the same.
    std::array<pollfd, 2> fds = {pollfd{fd, 0, 0}, pollfd{stop_.get(), POLLIN, 0}};
    for (;;) {
      if (::poll(fds.data(), fds.size(), -1) < 0 && errno != EINTR) return;
      if (fds[1].revents != 0 || (fds[0].revents & POLLNVAL) != 0) return;
      if (fds[0].revents == 0) continue;
      is_closed_ = true;
      return on_closed();
    }
  };
  try {
    thread_ = std::thread(watch);
  } catch (const std::system_error&) {
    // Then it is seen with the next write.
  }
}

ClosedReaderWatch::~ClosedReaderWatch() {
  const uint64_t one = 1;
  if (stop_) (void)!::write(stop_.get(), &one, sizeof one);
  if (thread_.joinable()) thread_.join();
}

}  // namespace hx
