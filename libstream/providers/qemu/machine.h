#pragma once
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "providers/qemu/qemu_location.h"
#include "providers/qemu/qmp_client.h"
#include "providers/qemu/vm_disk.h"

namespace hx {

// A running machine at a location: its monitor, and the disks that are meant.
struct Machine {
  QemuLocation location;
  std::shared_ptr<QmpClient> qemu;
  std::vector<VmDisk> disks;  // at least one

  // Clears what dead runs left before it looks. kUsage: no such device, or no disk at all; else as QmpClient.
  static Result<Machine> open(const std::string& location);
};

}  // namespace hx
