#pragma once
// Lines of JSON over a unix socket: what QMP and the guest agent speak.

#include <sys/types.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"
#include "io/unique_fd.h"

namespace hx {

// A line may have so many bytes: what a machine with thousands of nodes says of them is below it.
constexpr uint64_t kMaxJsonLine = 16 * kMiB;

// Bytes as they come, cut into lines. One thread.
class LineCutter {
 public:
  // kDamaged: a line longer than kMaxJsonLine.
  Status add(std::string_view bytes);
  // The next whole line, without its end ("\n" or "\r\n").
  std::optional<std::string> next();

 private:
  std::string pending_;
  size_t begin_ = 0;     // of the next line
  size_t searched_ = 0;  // no end of a line before it
};

using Deadline = std::chrono::steady_clock::time_point;

// One connection. One thread.
class JsonChannel {
 public:
  // kUsage: no such socket; kPermission; kTemporary: nobody listens, or it has too many who wait.
  static Result<std::unique_ptr<JsonChannel>> connect(const std::string& path);

  const std::string& path() const { return path_; }
  // Who listens, as the kernel knows it from the time when it began to.
  pid_t peer_pid() const { return peer_pid_; }
  uid_t peer_uid() const { return peer_uid_; }

  Status send(std::string_view line, Deadline);
  // The next line; nullopt: none until the deadline. kTemporary with reason "connection-lost": the other end is gone.
  Result<std::optional<std::string>> receive(Deadline);

 private:
  explicit JsonChannel(std::string path) : path_(std::move(path)) {}
  Result<bool> wait_for(short events, Deadline);  // false: nothing until then
  Error lost(std::string_view why) const;

  const std::string path_;
  UniqueFd fd_;
  pid_t peer_pid_ = 0;
  uid_t peer_uid_ = 0;
  LineCutter lines_;
};

}  // namespace hx
