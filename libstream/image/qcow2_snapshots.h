#pragma once
// The snapshot table of a qcow2 file.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "image/qcow2_header.h"

namespace hx {

struct Qcow2Snapshot {
  std::string id, name;  // as they stand there: any bytes, names neither unique nor safe to print
  uint64_t l1_offset = 0;
  uint32_t l1_size = 0;                   // entries
  uint32_t seconds = 0, nanoseconds = 0;  // when it was taken, since the epoch
  uint64_t vm_clock = 0;                  // nanoseconds that the guest had run
  uint64_t vm_state_size = 0;             // bytes, behind the disk
  uint64_t disk_size = 0;                 // bytes
  std::string extra;                      // all extra data as it stands, what we do not know too

  bool operator==(const Qcow2Snapshot&) const = default;
};

// kDamaged: cut short, beyond a limit, an L1 table that does not fit its disk.
Result<std::vector<Qcow2Snapshot>> read_qcow2_snapshots(const RandomReader&, const Qcow2Header&);
// With padding; each entry's extra data says its disk_size.
std::string encode_qcow2_snapshots(std::span<const Qcow2Snapshot>);

// Which one is meant: by the name or the id, or by nothing but the id.
struct SnapshotName {
  std::string text;
  bool is_id = false;
};
// Its index. kUsage: none; kRefused: several are called so (of one the id, of another the name), with their ids.
Result<size_t> find_snapshot(std::span<const Qcow2Snapshot>, const SnapshotName&, const std::string& image);

}  // namespace hx
