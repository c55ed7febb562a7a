#pragma once
// The agent inside the machine, which can stop its file systems for a moment:
// https://www.qemu.org/docs/master/interop/qemu-ga-ref.html.

#include <chrono>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "io/last_acts.h"
#include "providers/qemu/json_channel.h"

namespace hx {

// The file systems of the machine, frozen as long as this lives: whatever happens, it thaws them, on a signal too.
class FrozenGuest {
 public:
  // kTemporary: the agent does not answer; kUnsupported: it cannot freeze; reason "freeze-failed" in any case.
  static Result<std::unique_ptr<FrozenGuest>> freeze(const std::string& agent_socket,
                                                     std::chrono::milliseconds timeout);
  ~FrozenGuest();
  FrozenGuest(const FrozenGuest&) = delete;
  // kSystem with reason "thaw-failed": the user must know that the machine may stand still.
  Status thaw();

 private:
  FrozenGuest(std::unique_ptr<JsonChannel> agent, std::chrono::milliseconds timeout);
  Status synchronize();
  Result<std::string> ask(const std::string& command, const std::string& arguments = "");

  const std::chrono::milliseconds timeout_;
  std::unique_ptr<JsonChannel> agent_;
  std::mutex mutex_;  // of agent_ and frozen_
  bool frozen_ = false;
  std::unique_ptr<LastAct> last_act_;
};

}  // namespace hx
