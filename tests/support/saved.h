#pragma once
// What is salvaged of a damaged snapshot.

#include "support/inputs.h"
#include "transfer/restore_job.h"

namespace hx::test {

struct Saved {
  std::string image;  // '?' where nothing was put
  RestoreOutcome outcome;
};
inline Result<Saved> save(const std::string& bytes, uint64_t size, std::shared_ptr<const DiskReader> donor = nullptr,
                          OnDamage damage = OnDamage::kSalvage, Order order = Order::kAny) {
  const MemoryFile file(bytes);
  const auto input = HX_TRY(SnapshotInput::open(file.path(), HeaderNeed::kMayBeDamaged));
  CollectingSink sink(order);
  RestoreJob job;
  job.input = input.get();
  job.damage = damage;
  job.heal_from = std::move(donor);
  job.threads = 1;
  RestoreOutcome outcome = HX_TRY(restore(job, sink));
  CollectedDisk disk = sink.disks.at(0);
  disk.totals.size = size;
  return Saved{disk.image(), std::move(outcome)};
}

}  // namespace hx::test
