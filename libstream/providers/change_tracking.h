#pragma once
// What a source that tracks changes is asked for; tokens are opaque to all but the provider that made them.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace hx {

// kBegin: where tracking is on, this point becomes one that changes can be asked for since: DiskInfo::change_token.
enum class NextPoint : uint8_t { kNone, kBegin };

struct TrackingOptions {
  NextPoint next = NextPoint::kNone;
  // The changes since these tokens, as deltas of the disks that they are of, instead of all of all disks.
  std::vector<std::string> since = {};
  // The tokens are of sealed snapshots: what only older ones need may go. Nobody else may say so, as the sink of a
  // stream may have failed after its source was done.
  bool since_is_sealed = false;
};

// Of one disk, as the provider tells it.
struct DiskTracking {
  std::string key, path, backing_info;
  uint64_t capacity_bytes = 0;
  // Changes are recorded, from the point of the token on.
  bool is_recording = false;
  std::string change_token;
  bool is_persistent = false;  // also when the machine is restarted
  uint64_t points = 0;         // since which changes are known
  // Why an increment since the token that was asked about is not possible, as a reason code and for people; else what
  // it would read at most.
  std::string reason, text;
  std::optional<uint64_t> changed_bytes;
};
struct MachineTracking {
  std::string vm;  // the machine's own name
  std::vector<DiskTracking> disks;
};

}  // namespace hx
