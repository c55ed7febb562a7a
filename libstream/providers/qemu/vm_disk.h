#pragma once
// What QEMU says of the disks of a machine, and of their dirty bitmaps: query-block, query-named-block-nodes and
// query-block-exports of qapi/block-core.json and block-export.json.

#include <cstdint>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace hx {

struct DirtyBitmap {
  std::string name;
  uint64_t granularity = 0;  // bytes; a power of two
  uint64_t dirty_bytes = 0;
  bool recording = false, busy = false, persistent = false, inconsistent = false;
};

struct VmDisk {
  std::string label;    // the device for people: its id or name; else the node's
  std::string node;     // that the guest, or a client of an export, writes to
  std::string format;   // its driver: "qcow2", "raw"
  std::string file;     // the image's name, as QEMU has it
  std::string backing;  // the name of its backing file, or ""
  uint64_t size = 0;
  bool read_only = false;
  std::vector<std::string> names;  // all by which the user may mean it
  std::vector<DirtyBitmap> bitmaps;
};

// The disks of a machine, from what the three commands return: its block devices but removable ones; where there are
// none (qemu-storage-daemon has no devices), the nodes that are exported. Nodes of ours are none. kDamaged: an answer
// of another form.
Result<std::vector<VmDisk>> list_disks(const Json& blocks, const Json& nodes, const Json& exports);
// Only the one that the user names, by its device or node; any node is a disk then. kUsage: there is none.
Result<VmDisk> find_disk(const std::string& name, const Json& blocks, const Json& nodes);

}  // namespace hx
