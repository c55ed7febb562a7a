#include "providers/qemu/json_channel.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace hx {

Status LineCutter::add(std::string_view bytes) {
  if (begin_ > 0) {
    pending_.erase(0, begin_);
    searched_ -= begin_;
    begin_ = 0;
  }
  pending_ += bytes;
  const size_t end = pending_.find('\n', searched_);
  if (end == std::string::npos) searched_ = pending_.size();
  if ((end == std::string::npos ? pending_.size() : end) > kMaxJsonLine)
    return damaged("a line longer than " + std::to_string(kMaxJsonLine / kMiB) + " MiB");
  return {};
}

std::optional<std::string> LineCutter::next() {
  const size_t end = pending_.find('\n', searched_);
  if (end == std::string::npos) {
    searched_ = pending_.size();
    return std::nullopt;
  }
  std::string line = pending_.substr(begin_, end - begin_);
  begin_ = searched_ = end + 1;
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

Result<std::unique_ptr<JsonChannel>> JsonChannel::connect(const std::string& path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path)
    return usage_error("'" + path + "' is no path of a socket: it has 1 to 107 bytes");
  std::memcpy(address.sun_path, path.data(), path.size());
  auto channel = std::unique_ptr<JsonChannel>(new JsonChannel(path));
  channel->fd_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!channel->fd_) return system_error(errno, "socket");
  if (::connect(channel->fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    const int why = errno;
    Error error = system_error(why, path);
    if (why == EAGAIN || why == ECONNREFUSED) error.kind = ErrorKind::kTemporary;
    if (why == EAGAIN) error.message = path + ": others wait for it already";
    if (why == ECONNREFUSED) error.hint = "nobody listens: is the machine running?";
    return error;
  }
  ucred peer = {};
  socklen_t length = sizeof peer;
  if (::getsockopt(channel->fd_.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0)
    return system_error(errno, path + ": who listens");
  channel->peer_pid_ = peer.pid;
  channel->peer_uid_ = peer.uid;
  return channel;
}

Error JsonChannel::lost(std::string_view why) const {
  return Error{ErrorKind::kTemporary, path_ + ": the connection broke: " + std::string(why), "", "connection-lost"};
}

Result<bool> JsonChannel::wait_for(short events, Deadline deadline) {
  pollfd ready = {fd_.get(), events, 0};
  for (;;) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const int count = ::poll(&ready, 1, static_cast<int>(std::max<int64_t>(left.count(), 0)));
    if (count > 0) return true;
    if (count == 0) return false;
    if (errno != EINTR) return system_error(errno, path_ + ": poll");
  }
}

Status JsonChannel::send(std::string_view line, Deadline deadline) {
  std::string bytes(line);
  bytes += '\n';
  for (size_t done = 0; done < bytes.size();) {
    const ssize_t count = ::send(fd_.get(), bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (count >= 0) {
      done += static_cast<size_t>(count);
    } else if (errno == EAGAIN) {
      if (!HX_TRY(wait_for(POLLOUT, deadline)))
        return Error{ErrorKind::kTemporary, path_ + ": does not take a command in time", "", "timeout"};
    } else if (errno != EINTR) {
      return lost(std::strerror(errno));
    }
  }
  return {};
}

Result<std::optional<std::string>> JsonChannel::receive(Deadline deadline) {
  for (;;) {
    if (auto line = lines_.next()) return line;
    std::array<char, 64 * kKiB> bytes;
    const ssize_t count = ::recv(fd_.get(), bytes.data(), bytes.size(), 0);
    if (count > 0) {
      HX_TRY_IN(path_, lines_.add({bytes.data(), static_cast<size_t>(count)}));
    } else if (count == 0) {
      return lost("the other end hung up");
    } else if (errno == EAGAIN) {
      if (!HX_TRY(wait_for(POLLIN, deadline))) return std::optional<std::string>();
    } else if (errno != EINTR) {
      return lost(std::strerror(errno));
    }
  }
}

}  // namespace hx
