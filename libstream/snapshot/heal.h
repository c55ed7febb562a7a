#pragma once
// A damaged snapshot as it was written, byte for byte.

#include "extent/extent_algebra.h"
#include "snapshot/salvage.h"

namespace hx {

struct HealOutcome {
  uint64_t bytes = 0;        // of the snapshot, all of it
  uint64_t frames_made = 0;  // of the donor's bytes
  uint64_t pages_made = 0;   // of their frames
  bool header_made = false, directory_made = false, seek_table_made = false;
  RangeSet lost;  // of the disk: neither in the snapshot nor on the donor; then nothing else counts
};

// Writes the snapshot anew to fd (a regular file, at 0): good frames as they are, bad ones compressed from the donor's
// bytes, which make the same frame only with the same version of zstd; page, directory, seek table and header from each
// other. All of it is verified against the digests that were written with it, so that what comes out is what was there,
// or kDamaged, naming what cannot be had. donor may be null: then the frames must be good.
Result<HealOutcome> heal_snapshot(const RandomReader& damaged, const DiskReader* donor, int fd,
                                  const std::string& name);

}  // namespace hx
