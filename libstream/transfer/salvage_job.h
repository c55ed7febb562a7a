#pragma once
// What is good of a damaged snapshot into a sink; what is not from a disk that still has it, or named.

#include "transfer/restore_job.h"

namespace hx {

// As restore(), for job.damage other than kRefuse. What is neither in the snapshot nor on job.heal_from is not put
// (into a sink that wants its bytes in order: zeros) and stands in the outcome's `lost`. What is put is proven, or
// stands in `unproven`: snapshot/salvage.h; of a plain snapshot, whose one digest does not fit though all of it
// decodes, that is everything. With OnDamage::kHeal either is kDamaged. kUnsupported: a stream, or a pipe.
Result<RestoreOutcome> salvage(const RestoreJob&, ExtentSink&);

// What was restored ('+'), what not ('-'), and what without proof ('?'), as a GNU ddrescue mapfile, into a new file.
Status write_salvage_map(const std::string& path, Overwrite, const RestoreOutcome&);

// kDamaged that names what is lost or unproven, if anything is.
Status judge_salvaged(const std::string& name, const RestoreOutcome&);

// "vm.mirn: 3.00 MiB of the disk are lost: 1048576+1048576, 5242880+2097152".
std::string format_lost(const std::string& name, const RangeSet& lost);

}  // namespace hx
