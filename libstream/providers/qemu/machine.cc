#include "providers/qemu/machine.h"

#include "providers/qemu/clear_runs.h"

namespace hx {

Result<Machine> Machine::open(const std::string& text) {
  Machine machine;
  machine.location = HX_TRY(parse_qemu_location(text));
  machine.qemu = HX_TRY(QmpClient::connect(machine.location.monitor, {}));
  QmpClient& qemu = *machine.qemu;
  HX_TRY(clear_dead_runs(qemu));
  const Json blocks = HX_TRY(qemu.execute("query-block"));
  const Json nodes = HX_TRY(qemu.execute("query-named-block-nodes", {{"flat", true}}));
  const Json exports = HX_TRY(qemu.execute("query-block-exports"));
  if (!machine.location.device.empty())
    machine.disks.push_back(HX_TRY_IN(qemu.path(), find_disk(machine.location.device, blocks, nodes)));
  else
    machine.disks = HX_TRY_IN(qemu.path(), list_disks(blocks, nodes, exports));
  if (machine.disks.empty())
    return usage_error(qemu.path() + ": has no disk: no block device, and nothing is exported")
        .with_hint("a node can be named: " + text + "#NODE");
  return machine;
}

}  // namespace hx
