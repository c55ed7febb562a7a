#include "checkpoint/run_claim.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <random>

#include "base/json.h"
#include "base/time_text.h"
#include "io/fd_io.h"

namespace hx {
namespace {

constexpr const char* kKey = "claim";

std::string host_name() {
  char name[256] = {};
  return gethostname(name, sizeof name - 1) == 0 ? name : "unknown";
}

// Empty where /proc is not there: then only the time tells.
std::string this_kernel() {
  std::array<char, 64> space{}, boot{};
  if (readlink("/proc/self/ns/pid", space.data(), space.size() - 1) < 0) return "";
  const UniqueFd fd(::open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC));
  const ssize_t size = fd ? ::read(fd.get(), boot.data(), boot.size() - 1) : -1;
  if (size <= 0) return "";
  std::string text = boot.data();
  text.erase(text.find_last_not_of('\n') + 1);
  return text + " " + space.data();
}

std::string random_digits() {
  std::random_device random;
  std::string text;
  for (int i = 0; i < 4; ++i) {
    char digits[9];
    std::snprintf(digits, sizeof digits, "%08x", static_cast<unsigned>(random()));
    text += digits;
  }
  return text;
}

Result<Json> parse_checkpoint(std::string_view text) {
  Json json = HX_TRY(parse_json(text));
  if (!json.is_object()) return damaged("is no checkpoint");
  if (!json.contains("metadata") || !json["metadata"].is_object()) json["metadata"] = Json::object();
  return json;
}

std::string text_of(const Json& json) { return dump_json(json, 2) + "\n"; }  // as format_sidecar() writes it

Result<RunClaim> parse_claim(const std::string& text) {
  const Json json = HX_TRY(parse_json(text));
  RunClaim claim;
  claim.program = HX_TRY(json_string(json, "program"));
  claim.host = HX_TRY(json_string(json, "host"));
  claim.kernel = HX_TRY(json_string(json, "kernel"));
  claim.pid = HX_TRY(json_u64(json, "pid"));
  claim.started = HX_TRY(parse_rfc3339(HX_TRY(json_string(json, "started"))));
  claim.until = HX_TRY(parse_rfc3339(HX_TRY(json_string(json, "until"))));
  claim.run = HX_TRY(json_string(json, "run"));
  return claim;
}

}  // namespace

std::string RunClaim::holder() const {
  return program + ", process " + std::to_string(pid) + " on " + host + " since " + format_rfc3339(started);
}

RunClaim claim_of_this_run(const Clock& clock) {
  const auto now = clock.wall_now();
  return {program_invocation_short_name,
          host_name(),
          this_kernel(),
          static_cast<uint64_t>(getpid()),
          now,
          now,
          random_digits()};
}

bool may_live(const RunClaim& claim, const Clock& clock) {
  if (claim.until <= clock.wall_now()) return false;
  if (claim.kernel.empty() || claim.kernel != this_kernel()) return true;
  // This process has not claimed anything yet when it asks: an earlier one had its number.
  const auto pid = static_cast<pid_t>(claim.pid);
  return pid > 0 && pid != getpid() && (kill(pid, 0) == 0 || errno != ESRCH);
}

Result<std::string> with_claim(std::string_view text, const RunClaim& claim) {
  Json json = HX_TRY(parse_checkpoint(text));
  json["metadata"][kKey] = dump_json({{"program", claim.program},
                                      {"pid", claim.pid},
                                      {"host", claim.host},
                                      {"kernel", claim.kernel},
                                      {"started", format_rfc3339(claim.started)},
                                      {"until", format_rfc3339(claim.until)},
                                      {"run", claim.run}});
  return text_of(json);
}

Result<std::string> without_claim(std::string_view text) {
  Json json = HX_TRY(parse_checkpoint(text));
  json["metadata"].erase(kKey);
  return text_of(json);
}

std::optional<RunClaim> claim_in(std::string_view text) {
  Result<Json> json = parse_checkpoint(text);
  if (!json) return std::nullopt;
  Result<std::string> claim = json_string((*json)["metadata"], kKey);
  if (!claim) return std::nullopt;
  Result<RunClaim> parsed = parse_claim(*claim);
  return parsed ? std::optional(std::move(parsed).value()) : std::nullopt;
}

}  // namespace hx
