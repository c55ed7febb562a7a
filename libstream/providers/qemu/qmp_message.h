#pragma once
// What QEMU says on its monitor: https://www.qemu.org/docs/master/interop/qmp-spec.html.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json.h"
#include "base/result.h"

namespace hx {

enum class QmpKind : uint8_t { kGreeting, kReturn, kError, kEvent };

struct QmpMessage {
  QmpKind kind = QmpKind::kEvent;
  std::optional<uint64_t> id;  // of the command that it answers
  std::string name;            // of an event; the class of an error
  std::string text;            // what an error says
  Json body;                   // what a command returns, an event's data, the greeting's version
};

// One line. kDamaged: it is none of these.
Result<QmpMessage> parse_qmp_message(std::string_view line);
// {"execute": …} as one line.
std::string format_qmp_command(const std::string& command, const Json& arguments, uint64_t id);

}  // namespace hx
