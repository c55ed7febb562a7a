#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "base/json.h"
#include "base/result.h"
#include "providers/qemu/json_channel.h"

namespace hx {

struct QmpTimeouts {
  std::chrono::milliseconds greeting = std::chrono::seconds(10);
  // A command may have to wait until the machine's requests are done, on slow storage.
  std::chrono::milliseconds answer = std::chrono::seconds(30);
};

// A monitor of QEMU or qemu-storage-daemon. A monitor serves one client at a time: another one waits for its greeting.
// Any thread; commands wait for each other.
class QmpClient {
 public:
  // Connected, and past the greeting. kTemporary with reason "timeout": no greeting, as another client has the monitor;
  // else as JsonChannel::connect(). kUnsupported: no QMP, or a QEMU before 5.2, which has no block-export-add.
  static Result<std::unique_ptr<QmpClient>> connect(const std::string& path, QmpTimeouts);

  const std::string& path() const { return channel_->path(); }
  uid_t peer_uid() const { return channel_->peer_uid(); }

  // What the command returns; events that come meanwhile are dropped. What QEMU says no to: kUnsupported for a command
  // that it has not, else kSystem with reason "qmp-error"; the message is QEMU's own.
  Result<Json> execute(const std::string& command, const Json& arguments = Json::object());
  // Asks until `done` says true; in between waits for an event, or a moment. kTemporary with reason "timeout".
  Status wait_until(const std::string& what, const std::function<Result<bool>()>& done);

  // Nobody else's commands between those of the holder.
  [[nodiscard]] std::unique_lock<std::recursive_mutex> hold() { return std::unique_lock(mutex_); }
  // No command is taken any more: whoever is amid a series of them gives up.
  void close();

 private:
  QmpClient(std::unique_ptr<JsonChannel> channel, QmpTimeouts timeouts)
      : timeouts_(timeouts), channel_(std::move(channel)) {}
  Status greet();
  Result<std::string> next_line(Deadline);

  const QmpTimeouts timeouts_;
  std::recursive_mutex mutex_;  // of all below
  std::unique_ptr<JsonChannel> channel_;
  uint64_t last_id_ = 0;
  bool closed_ = false;
};

}  // namespace hx
