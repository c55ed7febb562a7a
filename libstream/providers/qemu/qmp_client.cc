#include "providers/qemu/qmp_client.h"

#include "providers/qemu/qmp_message.h"

namespace hx {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Between two looks at something that no event tells of.
constexpr milliseconds kMoment{20};

std::string in_seconds(milliseconds time) {
  return time.count() % 1000 == 0 ? std::to_string(time.count() / 1000) + " s" : std::to_string(time.count()) + " ms";
}

}  // namespace

Result<std::unique_ptr<QmpClient>> QmpClient::connect(const std::string& path, QmpTimeouts timeouts) {
  auto channel = HX_TRY(JsonChannel::connect(path));
  auto client = std::unique_ptr<QmpClient>(new QmpClient(std::move(channel), timeouts));
  HX_TRY(client->greet());
  return client;
}

Status QmpClient::greet() {
  const auto line = HX_TRY(channel_->receive(steady_clock::now() + timeouts_.greeting));
  if (!line)
    return Error{ErrorKind::kTemporary, path() + ": no greeting within " + in_seconds(timeouts_.greeting),
                 "a monitor serves one client at a time: give QEMU one more for us, or end the other one", "timeout"};
  auto greeting = parse_qmp_message(*line);
  if (!greeting || greeting->kind != QmpKind::kGreeting) return unsupported(path() + ": is no QMP monitor");
  const Json& body = greeting->body;
  const Json version = body.is_object() ? body.value("version", Json::object()) : Json::object();
  const Json number = version.is_object() ? version.value("qemu", Json::object()) : Json::object();
  const uint64_t major = HX_TRY_IN(path(), json_u64_or(number, "major", 0));
  const uint64_t minor = HX_TRY_IN(path(), json_u64_or(number, "minor", 0));
  if (major < 5 || (major == 5 && minor < 2))
    return unsupported(path() + ": QEMU " + std::to_string(major) + "." + std::to_string(minor) + " is too old: 5.2 " +
                       "has what is needed");
  (void)HX_TRY(execute("qmp_capabilities"));
  return {};
}

Result<std::string> QmpClient::next_line(Deadline deadline) {
  auto line = HX_TRY(channel_->receive(deadline));
  if (!line)
    return Error{ErrorKind::kTemporary, path() + ": no answer within " + in_seconds(timeouts_.answer), "", "timeout"};
  return std::move(*line);
}

Result<Json> QmpClient::execute(const std::string& command, const Json& arguments) {
  const auto lock = hold();
  if (closed_) return Error{ErrorKind::kTemporary, path() + ": was given up", "", "closed"};
  const auto deadline = steady_clock::now() + timeouts_.answer;
  const uint64_t id = ++last_id_;
  HX_TRY(channel_->send(format_qmp_command(command, arguments, id), deadline));
  for (;;) {
    QmpMessage message = HX_TRY_IN(path(), parse_qmp_message(HX_TRY(next_line(deadline))));
    if (message.kind != QmpKind::kReturn && message.kind != QmpKind::kError) continue;
    // QEMU answers in order; an answer without an id is to what it could not read.
    if (message.id != id) {
      if (message.id && *message.id < id) continue;  // of a command that was given up
      return damaged(path() + ": an answer to no command of ours: " + message.text);
    }
    if (message.kind == QmpKind::kReturn) return std::move(message.body);
    Error error{ErrorKind::kSystem, path() + ": " + command + ": " + message.text, "", "qmp-error"};
    if (message.name == "CommandNotFound") error.kind = ErrorKind::kUnsupported;
    return error;
  }
}

Status QmpClient::wait_until(const std::string& what, const std::function<Result<bool>()>& done) {
  const auto deadline = steady_clock::now() + timeouts_.answer;
  while (!HX_TRY(done())) {
    const auto now = steady_clock::now();
    if (now >= deadline)
      return Error{ErrorKind::kTemporary, path() + ": " + what + ": not within " + in_seconds(timeouts_.answer), "",
                   "timeout"};
    const auto lock = hold();
    if (closed_) return Error{ErrorKind::kTemporary, path() + ": was given up", "", "closed"};
    // Any event is a reason to look again.
    (void)HX_TRY(channel_->receive(std::min(deadline, now + kMoment)));
  }
  return {};
}

void QmpClient::close() {
  const auto lock = hold();
  closed_ = true;
}

}  // namespace hx
