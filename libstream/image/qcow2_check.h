#pragma once
// Is a qcow2 file what its own tables say? All references counted anew, and compared with what it has counted.

#include "image/qcow2_metadata.h"
#include "image/qcow2_refcounts.h"

namespace hx {

struct Qcow2Check {
  uint64_t clusters = 0;  // of the file
  uint64_t leaks = 0;     // clusters that nobody refers to as often as they are counted: lost room, no harm
  uint64_t wrong = 0;     // what would do harm, but is mended by counting anew: counts too low, false COPIED flags
  uint64_t broken = 0;    // what is not: entries that are none, beyond the end, two things in one cluster
  std::vector<std::string> findings;  // what was found, the first 100, leaks not one by one
  Qcow2Refcounts stored;
  ClusterCounts counted;
  L2Uses l2s;
  bool is_sound() const { return wrong == 0 && broken == 0; }
};

// kDamaged only where the refcount table itself cannot be read. Reads all L2 tables and refcount blocks, no data.
Result<Qcow2Check> check_qcow2(const RandomReader&, const Qcow2Metadata&);

}  // namespace hx
