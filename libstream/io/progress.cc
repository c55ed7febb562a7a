#include "io/progress.h"

namespace hx {

DiskProgress& Progress::add_disk(std::string name, uint64_t total) {
  auto disk = std::make_unique<DiskProgress>();
  disk->name = std::move(name);
  disk->total = total;
  std::lock_guard lock(mutex_);
  disks_.push_back(std::move(disk));
  return *disks_.back();
}

}  // namespace hx
