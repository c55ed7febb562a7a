#pragma once
// The names of what a run makes inside QEMU, and of its directory. They say whose it is, so that a later run can tell
// what a dead one left from what a living one needs, and from what others made.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hx {

// Letters of what a run makes. The mark: a node without content, made right before the NBD server is started.
constexpr char kOverlayFile = 'f', kOverlay = 't', kJob = 'j', kFilter = 'c', kExport = 'e', kServerMark = 'n';

// "hx-4711-3a5f2c-0t1": the process, when it began (in clock ticks since the system did), which of its runs; then a
// letter for what it is, and a number. A node's name has at most 31 bytes, and this less.
struct RunName {
  int64_t pid = 0;
  uint64_t started = 0;
  uint32_t run = 0;

  // A new one of this process.
  static RunName make();
  // Of a thing, whose it is; nullopt: no name of ours. The names of bitmaps that are kept are none.
  static std::optional<RunName> parse(std::string_view name);

  std::string text() const;  // "hx-4711-3a5f2c-0"
  std::string of(char what, uint64_t number) const { return text() + what + std::to_string(number); }
  // Whether its process runs on this machine; true where that cannot be known.
  bool is_alive() const;
  bool operator==(const RunName&) const = default;
};

}  // namespace hx
