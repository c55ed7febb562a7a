#include "cli/net_options.h"

#include <charconv>

namespace hx {
namespace {

Result<int> parse_count(const std::string& text, int min, int max) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < min || value > max)
    return usage_error("'" + text + "' is not a number from " + std::to_string(min) + " to " + std::to_string(max));
  return value;
}

}  // namespace

void add_net_options(OptionTable& table, NetOptions* to) {
  table.text("cacert", 0, "FILE", "trust the authorities in FILE (PEM) instead", &to->curl.ca_file);
  table.text("cert", 0, "FILE", "show servers this certificate (PEM)", &to->curl.client_certificate);
  table.text("key", 0, "FILE", "its key, if it is not in the same file", &to->curl.client_key);
  table.text("thumbprint", 0, "HEX", "trust the certificate with this SHA-256 only", &to->curl.thumbprint);
  table.call("retries", 0, "N", "try a failed request again N times (4)", [to](const std::string& text) -> Status {
    to->retry.retries = HX_TRY(parse_count(text, 0, 1000));
    return {};
  });
  table.call("timeout", 0, "SECONDS", "a server that sends nothing for so long is lost (60)",
             [to](const std::string& text) -> Status {
               to->curl.stall_timeout = std::chrono::seconds(HX_TRY(parse_count(text, 1, 86400)));
               to->curl.connect_timeout = std::min(to->curl.connect_timeout, to->curl.stall_timeout);
               return {};
             });
}

}  // namespace hx
