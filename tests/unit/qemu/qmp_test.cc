#include <sys/socket.h>
#include <sys/un.h>
#include <catch2/catch.hpp>

#include <cstring>
#include <thread>

#include "providers/qemu/qmp_client.h"
#include "providers/qemu/qmp_message.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;
using namespace std::chrono_literals;

namespace {

constexpr const char* kGreeting =
    R"({"QMP": {"version": {"qemu": {"micro": 22, "minor": 2, "major": 7}, "package": ""}, "capabilities": []}})";

// A monitor that says what a test has written down: "<" waits for a line of the client, other lines are sent.
class ScriptedMonitor {
 public:
  ScriptedMonitor(const std::string& path, std::vector<std::string> script) : script_(std::move(script)) {
    listener_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    REQUIRE(::listen(listener_.get(), 1) == 0);
    thread_ = std::thread([this] { run(); });
  }
  ~ScriptedMonitor() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  std::vector<std::string> heard;

 private:
  void run() {
    const UniqueFd client(::accept(listener_.get(), nullptr, nullptr));
    if (!client) return;
    std::string pending;
    for (const std::string& line : script_) {
      if (line != "<") {
        if (::send(client.get(), line.data(), line.size(), MSG_NOSIGNAL) < 0) return;
        continue;
      }
      while (pending.find('\n') == pending.npos) {
        char bytes[4096];
        const ssize_t count = ::recv(client.get(), bytes, sizeof bytes, 0);
        if (count <= 0) return;
        pending.append(bytes, static_cast<size_t>(count));
      }
      heard.push_back(pending.substr(0, pending.find('\n')));
      pending.erase(0, pending.find('\n') + 1);
    }
    char last;
    while (::recv(client.get(), &last, 1, 0) > 0) continue;
  }
  UniqueFd listener_;
  std::vector<std::string> script_;
  std::thread thread_;
};

std::vector<std::string> greeted(std::vector<std::string> then) {
  std::vector<std::string> script = {std::string(kGreeting) + "\r\n", "<", "{\"return\": {}, \"id\": 1}\n"};
  script.insert(script.end(), then.begin(), then.end());
  return script;
}
Error error_of_connect(std::vector<std::string> script) {
  TemporaryDirectory directory;
  ScriptedMonitor monitor(directory / "qmp", std::move(script));
  auto client = QmpClient::connect(directory / "qmp", {200ms, 200ms});
  REQUIRE_FALSE(client.ok());
  return client.error();
}

}  // namespace

TEST_CASE("an answer is told from the events around it, and from the answer to an earlier command") {
  TemporaryDirectory directory;
  const std::string event = R"({"timestamp": {"seconds": 1}, "event": "RESUME"})";
  ScriptedMonitor monitor(
      directory / "qmp",
      greeted({event + "\n", "<", event + "\n{\"id\": 2, \"ret", "urn\": [1, 2]}\r\n" + event + "\n", "<",
               R"({"id": 3, "error": {"class": "CommandNotFound", "desc": "no such command"}})"
               "\n",
               "<",
               R"({"id": 2, "return": "late"})"
               "\n"
               R"({"id": 4, "error": {"class": "GenericError", "desc": "Node 'x' is busy"}})"
               "\n"}));
  auto client = QmpClient::connect(directory / "qmp", {5s, 5s});
  if (!client) FAIL(client.error().message);
  QmpClient& qemu = *client.value();
  CHECK(qemu.execute("query-jobs").value() == Json::array({1, 2}));
  auto unknown = qemu.execute("no-such", {{"a", 1}});
  CHECK(unknown.error().kind == ErrorKind::kUnsupported);
  auto busy = qemu.execute("blockdev-del");
  CHECK(busy.error().reason == "qmp-error");
  CHECK(busy.error().message == directory / "qmp" + ": blockdev-del: Node 'x' is busy");
  REQUIRE(monitor.heard.size() == 4);
  CHECK(parse_json(monitor.heard[0]).value() == Json{{"execute", "qmp_capabilities"}, {"id", 1}});
  CHECK(parse_json(monitor.heard[2]).value() == Json{{"execute", "no-such"}, {"id", 3}, {"arguments", {{"a", 1}}}});
  qemu.close();
  CHECK(qemu.execute("query-jobs").error().reason == "closed");
}

TEST_CASE("a monitor that another client has, that is none, or that is too old is told apart") {
  const Error silent = error_of_connect({"<"});
  CHECK(silent.kind == ErrorKind::kTemporary);
  CHECK(silent.reason == "timeout");
  CHECK(error_of_connect({"NBDMAGIC\n"}).kind == ErrorKind::kUnsupported);
  CHECK(error_of_connect({R"({"QMP": {"version": {"qemu": {"minor": 1, "major": 5}}}})"
                          "\n"})
            .kind == ErrorKind::kUnsupported);
  CHECK(error_of_connect({std::string(kGreeting) + "\n"}).reason == "timeout");
}

TEST_CASE("no monitor, no socket, no answer, and one that hangs up are told apart") {
  TemporaryDirectory directory;
  CHECK(QmpClient::connect(directory / "none", {1s, 1s}).error().kind == ErrorKind::kUsage);
  CHECK(QmpClient::connect("", {1s, 1s}).error().kind == ErrorKind::kUsage);
  CHECK(QmpClient::connect(std::string(200, 'x'), {1s, 1s}).error().kind == ErrorKind::kUsage);
  write_file(directory / "file", "");
  CHECK(QmpClient::connect(directory / "file", {1s, 1s}).error().kind == ErrorKind::kTemporary);
  {
    ScriptedMonitor monitor(directory / "silent", greeted({"<"}));
    auto client = QmpClient::connect(directory / "silent", {200ms, 200ms});
    CHECK(client.value()->execute("query-jobs").error().reason == "timeout");
  }
  {
    ScriptedMonitor monitor(directory / "huge", greeted({"<", std::string(kMaxJsonLine + 100 * kKiB, '[')}));
    auto client = QmpClient::connect(directory / "huge", {20s, 20s});
    CHECK(client.value()->execute("query-jobs").error().kind == ErrorKind::kDamaged);
  }
}

TEST_CASE("lines come whole out of whatever pieces they come in") {
  const std::string text = "{\"a\": 1}\r\n\n{\"b\": \"\\u00e9\"}\nrest";
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    LineCutter cutter;
    std::vector<std::string> lines;
    for (const std::string& piece : {text.substr(0, cut), text.substr(cut)}) {
      REQUIRE(cutter.add(piece).ok());
      while (auto line = cutter.next()) lines.push_back(*line);
    }
    CHECK(lines == std::vector<std::string>{"{\"a\": 1}", "", "{\"b\": \"\\u00e9\"}"});
  }
}

TEST_CASE("a message that is cut or flipped at any byte is refused, or is a message") {
  const std::string text = R"({"id": 4, "error": {"class": "GenericError", "desc": "no"}})";
  REQUIRE(parse_qmp_message(text).ok());
  for (size_t cut = 0; cut < text.size(); ++cut)
    CHECK(parse_qmp_message(text.substr(0, cut)).error().kind == ErrorKind::kDamaged);
  for (size_t at = 0; at < text.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = text;
      flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
      auto message = parse_qmp_message(flipped);
      if (!message) CHECK(message.error().kind == ErrorKind::kDamaged);
    }
}
