#pragma once
// Generations of a disk's dirty bitmaps, and the change token that names one. A generation begins at a point in time of
// the disk, and its bitmap records what is written from then on, until the next one begins. Then it is kept, disabled:
// what changed since a point is the union of all bitmaps from its generation on. So nothing is lost when what was read
// never became a sealed file.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "providers/qemu/vm_disk.h"

namespace hx {

// "hx-7-01234567-89ab-4cde-8f01-23456789abcd" is the bitmap of generation 7, whose point in time has this state. The
// number shows a gap; the uuid, that it is no other bitmap of the same number: one of another boot, or of an image that
// was put back.
struct Generation {
  uint64_t number = 0;
  std::string state;
  std::string bitmap() const { return "hx-" + std::to_string(number) + "-" + state; }
  static std::optional<Generation> of_bitmap(std::string_view name);
  bool operator==(const Generation&) const = default;
};

// "qemu:1:SIZE:GRANULARITY:NUMBER:UUID:STATE:DISK"
struct QemuToken {
  uint64_t size = 0, granularity = 0;  // bytes
  Generation since;                    // changes are recorded from here on
  std::string state;                   // of the point in time that it stands for; since.state, or a later one
  std::string disk;                    // its device, for messages: a disk may get another one
};
std::string format_token(const QemuToken&);
// kFullRequired with reason "token-foreign": it is none of QEMU's, or of a version to come.
Result<QemuToken> parse_qemu_token(std::string_view text);

// The generations of a disk, oldest first; those of others are not looked at.
std::vector<Generation> generations_of(const VmDisk&);
// The one that records now. kFullRequired, with the reason: "cbt-disabled": there are none; "bitmap-disabled": somebody
// stopped it, and changes were lost; "bitmap-inconsistent": QEMU ended without saving it.
Result<Generation> recording_generation(const VmDisk&);
// The bitmaps whose union holds the changes since the token's point, oldest first. kFullRequired as above, and:
// "bitmap-missing": that one, or one after it, is gone; "size-changed", "granularity-changed". kRefused with reason
// "bitmap-busy": somebody else uses one.
Result<std::vector<std::string>> bitmaps_since(const QemuToken&, const VmDisk&);

}  // namespace hx
