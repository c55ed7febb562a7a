#include "providers/qemu/qemu_tracking.h"

#include <algorithm>
#include <bit>

#include "base/uuid.h"
#include "providers/qemu/generation.h"
#include "providers/qemu/machine.h"

namespace hx {
namespace {

const DirtyBitmap& bitmap_of(const VmDisk& disk, const Generation& generation) {
  return *std::ranges::find(disk.bitmaps, generation.bitmap(), &DirtyBitmap::name);
}

// Of several bitmaps what each of them says: they may overlap.
Result<uint64_t> changed_at_most(const QemuToken& token, const VmDisk& disk) {
  uint64_t sum = 0;
  for (const std::string& name : HX_TRY(bitmaps_since(token, disk)))
    sum += std::min(std::ranges::find(disk.bitmaps, name, &DirtyBitmap::name)->dirty_bytes, disk.size);
  return std::min(sum, disk.size);
}

DiskTracking tracking_of(const VmDisk& disk) {
  DiskTracking tracking;
  tracking.key = disk.label;
  tracking.path = disk.file;
  tracking.capacity_bytes = disk.size;
  tracking.backing_info = disk.backing.empty() ? disk.format : disk.format + " over " + disk.backing;
  tracking.points = generations_of(disk).size();
  auto recording = recording_generation(disk);
  if (!recording) {
    tracking.reason = recording.error().reason;
    tracking.text = recording.error().message;
    return tracking;
  }
  const DirtyBitmap& bitmap = bitmap_of(disk, *recording);
  tracking.is_recording = true;
  tracking.is_persistent = bitmap.persistent;
  tracking.change_token = format_token({disk.size, bitmap.granularity, *recording, recording->state, disk.label});
  return tracking;
}

void estimate(const VmDisk& disk, const std::string& text, DiskTracking& to) {
  auto token = parse_qemu_token(text);
  auto changed = token ? changed_at_most(*token, disk) : Result<uint64_t>(std::move(token).error());
  if (changed) {
    to.changed_bytes = *changed;
  } else {
    to.reason = changed.error().reason;
    to.text = changed.error().message;
  }
}

// query-name has it where the machine was given one; qemu-storage-daemon has no such command.
std::string name_of(Machine& machine) {
  const auto answer = machine.qemu->execute("query-name");
  if (answer && answer.value().is_object()) {
    const auto name = json_string_or(answer.value(), "name", "");
    if (name && !name.value().empty()) return name.value();
  }
  const std::string& path = machine.location.monitor;
  const std::string leaf = path.substr(path.rfind('/') + 1);
  return leaf.substr(0, leaf.find('.'));
}

}  // namespace

Result<MachineTracking> qemu_tracking(const std::string& location, const std::vector<std::string>& tokens) {
  Machine machine = HX_TRY(Machine::open(location));
  MachineTracking tracking;
  tracking.vm = name_of(machine);
  for (const VmDisk& disk : machine.disks) {
    tracking.disks.push_back(tracking_of(disk));
    for (const std::string& text : tokens) {
      const auto token = parse_qemu_token(text);
      if (token && token.value().disk == disk.label) estimate(disk, text, tracking.disks.back());
    }
  }
  return tracking;
}

Status enable_qemu_tracking(const std::string& location, uint64_t granularity) {
  if (!std::has_single_bit(granularity) || granularity < 512 || granularity > 2 * kGiB)
    return usage_error("a granularity is a power of two from 512 to 2 GiB");
  Machine machine = HX_TRY(Machine::open(location));
  Json actions = Json::array();
  for (const VmDisk& disk : machine.disks) {
    if (disk.read_only || recording_generation(disk)) continue;
    const auto all = generations_of(disk);
    const Generation next{all.empty() ? 1 : all.back().number + 1, make_uuid()};
    actions.push_back({{"type", "block-dirty-bitmap-add"},
                       {"data",
                        {{"node", disk.node},
                         {"name", next.bitmap()},
                         {"granularity", granularity},
                         {"persistent", disk.format == "qcow2"}}}});
  }
  if (!actions.empty()) (void)HX_TRY(machine.qemu->execute("transaction", {{"actions", std::move(actions)}}));
  return {};
}

Status disable_qemu_tracking(const std::string& location) {
  Machine machine = HX_TRY(Machine::open(location));
  for (const VmDisk& disk : machine.disks)
    for (const Generation& generation : generations_of(disk))
      if (bitmap_of(disk, generation).busy)
        return refused(disk.label + ": bitmap " + generation.bitmap() + ": somebody uses it")
            .with_reason("bitmap-busy");
  for (const VmDisk& disk : machine.disks)
    for (const Generation& generation : generations_of(disk))
      (void)HX_TRY(
          machine.qemu->execute("block-dirty-bitmap-remove", {{"node", disk.node}, {"name", generation.bitmap()}}));
  return {};
}

}  // namespace hx
