#pragma once
// What hx-restore tells when it is done: hx(7), RECEIPT.

#include "snapshot/heal.h"
#include "snapshot/verify.h"
#include "transfer/restore_job.h"

namespace hx {

// One line of JSON each, with its newline.
std::string restore_receipt(const SnapshotInput&, const std::string& target, const RestoreOutcome&, const SinkCounts&);
std::string heal_receipt(const SnapshotInput&, const std::string& target, const HealOutcome&);
std::string verify_receipt(const SnapshotInput&, const RestoreOutcome&);
std::string verify_receipt(const SnapshotReader&, const VerifyReport&);

// "disk.img: 3.00 MiB written, 0 bytes zeroed, 61.0 MiB left as holes".
std::string format_counts(const std::string& target, const SinkCounts&, const RestoreOutcome&);

// "1048576+1048576, 5242880+2097152": a few of many.
std::string format_ranges(const std::vector<Range>&);

// "3 chunks are damaged, 3.00 MiB of the disk: 1048576+1048576, 5242880+2097152": neighbours joined, a few of many.
std::string format_damage(const VerifyReport&);

// Takes everything, keeps nothing: what is verified only.
std::unique_ptr<ExtentSink> discarding_sink();

}  // namespace hx
