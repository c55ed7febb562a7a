#include "providers/qemu/run_name.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <charconv>

#include "io/unique_fd.h"

namespace hx {
namespace {

// When a process began: field 22 of /proc/PID/stat (proc(5)); 0: not known.
uint64_t start_of(int64_t pid) {
  const UniqueFd file(::open(("/proc/" + std::to_string(pid) + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 4096> bytes;
  const ssize_t count = file ? ::read(file.get(), bytes.data(), bytes.size()) : 0;
  if (count <= 0) return 0;
  std::string_view text(bytes.data(), static_cast<size_t>(count));
  const size_t name_end = text.rfind(')');  // the name may hold anything
  if (name_end == text.npos) return 0;
  text.remove_prefix(name_end + 1);
  for (int field = 3; field <= 22; ++field) {
    const size_t space = text.find(' ');
    if (space == text.npos) return 0;
    text.remove_prefix(space + 1);
  }
  uint64_t ticks = 0;
  std::from_chars(text.data(), text.data() + text.size(), ticks);
  return ticks;
}

template <class T>
bool take_number(std::string_view& text, T& to, int base) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), to, base);
  if (error != std::errc() || end == text.data()) return false;
  text.remove_prefix(static_cast<size_t>(end - text.data()));
  return true;
}
bool take(std::string_view& text, std::string_view word) {
  if (!text.starts_with(word)) return false;
  text.remove_prefix(word.size());
  return true;
}

}  // namespace

RunName RunName::make() {
  static std::atomic<uint32_t> count = 0;
  return {::getpid(), start_of(::getpid()), count++};
}

std::optional<RunName> RunName::parse(std::string_view name) {
  RunName run;
  if (!take(name, "hx-") || !take_number(name, run.pid, 10) || !take(name, "-") ||
      !take_number(name, run.started, 16) || !take(name, "-") || !take_number(name, run.run, 10))
    return std::nullopt;
  uint64_t number;
  if (name.size() < 2 || name[0] < 'a' || name[0] > 'z') return std::nullopt;
  name.remove_prefix(1);
  if (!take_number(name, number, 10) || !name.empty() || run.pid <= 0) return std::nullopt;
  return run;
}

std::string RunName::text() const {
  std::array<char, 16> hex;
  const char* const end = std::to_chars(hex.data(), hex.data() + hex.size(), started, 16).ptr;
  return "hx-" + std::to_string(pid) + "-" + std::string(static_cast<const char*>(hex.data()), end) + "-" +
         std::to_string(run);
}

bool RunName::is_alive() const {
  if (::kill(static_cast<pid_t>(pid), 0) != 0) return errno != ESRCH;
  const uint64_t now = start_of(pid);
  return now == 0 || now == started;
}

}  // namespace hx
