#pragma once
// What an L1 table and its L2 tables say of a part of the disk, in runs.

#include <functional>
#include <span>

#include "image/qcow2_table.h"

namespace hx {

// kAbsent: nothing is said, the backing file is asked. kCompressed: one whole cluster, of which the run may be a part.
enum class RunKind : uint8_t { kAbsent, kZero, kData, kCompressed };
struct Qcow2Run {
  RunKind kind = RunKind::kAbsent;
  uint64_t offset = 0, length = 0;  // in the disk
  uint64_t host = 0;                // where it lies: kData: the run's first byte; kCompressed: the cluster's
  uint64_t stored = 0;              // kCompressed: at most so many bytes at host
  uint64_t end() const { return offset + length; }
};

// Visits [from, to) in order, neighbours joined where they lie side by side. Reads no more of the L2 tables than that
// part's entries. kDamaged naming the file and the cluster. Any thread.
Status for_each_run(const RandomReader&, const Qcow2Header&, std::span<const uint64_t> l1, uint64_t from, uint64_t to,
                    const std::function<Status(const Qcow2Run&)>& visit);

}  // namespace hx
