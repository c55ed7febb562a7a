#include "providers/qemu/qemu_location.h"

#include "net/url.h"

namespace hx {

Result<QemuLocation> parse_qemu_location(std::string_view text) {
  const std::string whole(text);
  if (!text.starts_with("qemu:")) return usage_error("'" + whole + "' does not begin with qemu:");
  text.remove_prefix(5);
  QemuLocation location;
  if (const size_t mark = text.find('#'); mark != text.npos) {
    location.device = percent_decode(text.substr(mark + 1));
    if (location.device.empty()) return usage_error("'" + whole + "' names no device after its '#'");
    text = text.substr(0, mark);
  }
  const size_t question = text.find('?');
  location.monitor = percent_decode(text.substr(0, question));
  if (location.monitor.empty()) return usage_error("'" + whole + "' names no monitor's socket");
  if (question == text.npos) return location;
  for (const auto& [key, value] : split_query(text.substr(question + 1))) {
    if (key == "nbd" && !value.empty())
      location.nbd = value;
    else if (key == "agent" && !value.empty())
      location.agent = value;
    else
      return usage_error("'" + whole + "': after '?' stands nbd=SERVER or agent=SOCKET, not '" + key + "'");
  }
  return location;
}

}  // namespace hx
