#include "providers/qemu/qmp_message.h"

#include <utility>

namespace hx {

Result<QmpMessage> parse_qmp_message(std::string_view line) {
  Json json = HX_TRY(parse_json(line));
  if (!json.is_object()) return damaged("a message that is no object");
  QmpMessage message;
  if (json.contains("id")) message.id = HX_TRY(json_u64(json, "id"));
  if (json.contains("return")) {
    message.kind = QmpKind::kReturn;
    message.body = std::move(json["return"]);
  } else if (json.contains("error")) {
    message.kind = QmpKind::kError;
    message.name = HX_TRY_IN("error", json_string(json["error"], "class"));
    message.text = HX_TRY_IN("error", json_string(json["error"], "desc"));
  } else if (json.contains("event")) {
    message.kind = QmpKind::kEvent;
    message.name = HX_TRY(json_string(json, "event"));
    if (json.contains("data")) message.body = std::move(json["data"]);
  } else if (json.contains("QMP")) {
    message.kind = QmpKind::kGreeting;
    message.body = std::move(json["QMP"]);
  } else {
    return damaged("a message that is neither an answer, an event nor a greeting");
  }
  return message;
}

std::string format_qmp_command(const std::string& command, const Json& arguments, uint64_t id) {
  Json json = {{"execute", command}, {"id", id}};
  if (!arguments.empty()) json["arguments"] = arguments;
  return dump_json(json);
}

}  // namespace hx
