#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace hx {

// "qemu:/run/vm.qmp?nbd=/run/vm.nbd&agent=/run/vm.agent#device"
struct QemuLocation {
  std::string monitor;  // the socket
  std::string nbd;      // the NBD server that runs already; empty: none does
  std::string agent;    // the guest agent's socket; empty: no freeze
  std::string device;   // empty: all disks of the machine
};
// kUsage. A '?' or '#' that belongs to a path is written as %3F or %23.
Result<QemuLocation> parse_qemu_location(std::string_view text);

}  // namespace hx
