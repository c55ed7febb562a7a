#include "providers/qemu/guest_agent.h"

#include <random>

#include "providers/qemu/qmp_message.h"

namespace hx {
namespace {

Error freeze_failed(Error error) { return std::move(error).within("freeze").with_reason("freeze-failed"); }

}  // namespace

FrozenGuest::FrozenGuest(std::unique_ptr<JsonChannel> agent, std::chrono::milliseconds timeout)
    : timeout_(timeout), agent_(std::move(agent)) {}

Result<std::string> FrozenGuest::ask(const std::string& command, const std::string& arguments) {
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  HX_TRY(agent_->send("{\"execute\":\"" + command + "\"" + arguments + "}", deadline));
  auto line = HX_TRY(agent_->receive(deadline));
  if (!line)
    return Error{ErrorKind::kTemporary, agent_->path() + ": " + command + ": no answer in time",
                 "is the guest agent running in the machine?", "timeout"};
  return std::move(*line);
}

// Answers to whoever asked before us may still come: all that is before the answer to a number of ours is dropped.
Status FrozenGuest::synchronize() {
  const std::string number = std::to_string(std::random_device()() & 0x7fffffff);
  std::string line = HX_TRY(ask("guest-sync-delimited", ",\"arguments\":{\"id\":" + number + "}"));
  const auto deadline = std::chrono::steady_clock::now() + timeout_;
  for (;;) {
    // The byte 0xFF stands before the answer; what is left of another one may stand before it.
    if (const size_t mark = line.rfind('\xff'); mark != std::string::npos) line.erase(0, mark + 1);
    const auto message = parse_qmp_message(line);
    if (message && message.value().kind == QmpKind::kReturn && dump_json(message.value().body) == number) return {};
    auto next = HX_TRY(agent_->receive(deadline));
    if (!next) return Error{ErrorKind::kTemporary, agent_->path() + ": the guest agent does not answer", "", "timeout"};
    line = std::move(*next);
  }
}

Result<std::unique_ptr<FrozenGuest>> FrozenGuest::freeze(const std::string& agent_socket,
                                                         std::chrono::milliseconds timeout) {
  auto channel = JsonChannel::connect(agent_socket);
  if (!channel) return freeze_failed(std::move(channel).error());
  auto guest = std::unique_ptr<FrozenGuest>(new FrozenGuest(std::move(*channel), timeout));
  if (Status synchronized = guest->synchronize(); !synchronized) return freeze_failed(std::move(synchronized).error());
  // From here on it may be frozen, whatever is heard of it.
  guest->frozen_ = true;
  guest->last_act_ = std::make_unique<LastAct>([raw = guest.get()] { (void)raw->thaw(); });
  auto line = guest->ask("guest-fsfreeze-freeze");
  if (!line) return freeze_failed(std::move(line).error());
  auto message = parse_qmp_message(*line);
  if (!message) return freeze_failed(std::move(message).error().within(agent_socket));
  if (message->kind == QmpKind::kError)
    return freeze_failed(Error{ErrorKind::kUnsupported, agent_socket + ": " + message->text, "", ""});
  return guest;
}

FrozenGuest::~FrozenGuest() {
  last_act_.reset();
  (void)thaw();
}

Status FrozenGuest::thaw() {
  std::lock_guard lock(mutex_);
  if (!frozen_) return {};
  frozen_ = false;
  // The answer to the freeze may still be on its way.
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (!synchronize()) continue;
    const auto line = ask("guest-fsfreeze-thaw");
    if (!line) continue;
    const auto message = parse_qmp_message(line.value());
    if (message && message.value().kind == QmpKind::kReturn) return {};
  }
  return Error{ErrorKind::kSystem, agent_->path() + ": the guest agent did not thaw the file systems",
               "the machine may stand still until it does: guest-fsfreeze-thaw", "thaw-failed"};
}

}  // namespace hx
