#pragma once
// Dirty bitmaps that a qcow2 file keeps: which parts of its disk were written since the bitmap was made.

#include <string>
#include <vector>

#include "extent/extent_algebra.h"
#include "image/qcow2_table.h"

namespace hx {

struct Qcow2Bitmap {
  std::string name;  // any bytes
  uint64_t granularity = 0;
  bool is_auto = false, in_use = false;  // in_use: not saved, of no use
  bool is_usable = true;                 // not in use, nothing unknown in it
  uint64_t table_offset = 0;
  std::vector<uint64_t> table;  // where the bits lie: offset, or 0, or 1 for all ones
};

// None where the header's autoclear bit does not vouch for them. kDamaged: cut short, beyond a limit, overlapping
// names.
Result<std::vector<Qcow2Bitmap>> read_qcow2_bitmaps(const RandomReader&, const Qcow2Header&);
// What it says was written, clipped to the disk. kRefused: it is in use, or has extra data that we do not know.
Result<RangeSet> dirty_ranges(const RandomReader&, const Qcow2Header&, const Qcow2Bitmap&);

}  // namespace hx
