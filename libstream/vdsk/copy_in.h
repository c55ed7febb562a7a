#pragma once
#include <set>

#include "extent/disk_reader.h"
#include "extent/extent_algebra.h"
#include "image/qcow2_check.h"
#include "vdsk/disk_file.h"

namespace hx {

// A qcow2 file, read and checked: of one moment, which its lock keeps.
struct CheckedImage {
  Qcow2Metadata data;
  Qcow2Check check;
};

// Parts of a disk that are to get a content of their own. A disk that is shorter reads zeros behind its end.
struct NewContent {
  RangeSet where;  // rounded outwards to clusters
  std::shared_ptr<const DiskReader> content;
};

// Writes it to clusters of the file that are free now, with new L2 tables for it, to which next.l1 then refers. Every
// cluster that is written is in `allocated` before it is.
Status copy_in(DiskFile&, const CheckedImage& now, Qcow2Metadata& next, const NewContent&,
               std::set<uint64_t>& allocated);

}  // namespace hx
