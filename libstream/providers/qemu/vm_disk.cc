#include "providers/qemu/vm_disk.h"

#include <algorithm>
#include <bit>
#include <set>

#include "providers/qemu/run_name.h"

namespace hx {
namespace {

// A machine has some hundred at most; more bitmaps than this QEMU itself does not keep in an image.
constexpr size_t kMaxNodes = 10'000, kMaxBitmaps = 65'535;

Error other_form(const std::string& command) { return damaged(command + ": an answer of another form"); }

Result<DirtyBitmap> bitmap_of(const Json& json) {
  DirtyBitmap bitmap;
  bitmap.name = HX_TRY(json_string_or(json, "name", ""));
  bitmap.granularity = HX_TRY(json_u64(json, "granularity"));
  if (!std::has_single_bit(bitmap.granularity)) return damaged("\"granularity\" is no power of two");
  bitmap.dirty_bytes = HX_TRY(json_u64(json, "count"));
  bitmap.recording = HX_TRY(json_bool_or(json, "recording", false));
  bitmap.busy = HX_TRY(json_bool_or(json, "busy", false));
  bitmap.persistent = HX_TRY(json_bool_or(json, "persistent", false));
  bitmap.inconsistent = HX_TRY(json_bool_or(json, "inconsistent", false));
  return bitmap;
}

// BlockDeviceInfo: what query-named-block-nodes lists, and "inserted" of a device is.
Result<VmDisk> disk_of_node(const Json& json) {
  VmDisk disk;
  disk.node = HX_TRY(json_string(json, "node-name"));
  disk.label = disk.node;
  disk.format = HX_TRY(json_string(json, "drv"));
  disk.file = HX_TRY(json_string_or(json, "file", ""));
  disk.backing = HX_TRY(json_string_or(json, "backing_file", ""));
  disk.read_only = HX_TRY(json_bool_or(json, "ro", false));
  if (!json.contains("image")) return damaged("a node without \"image\"");
  disk.size = HX_TRY_IN("image", json_u64(json["image"], "virtual-size"));
  disk.names.push_back(disk.node);
  if (!json.contains("dirty-bitmaps")) return disk;
  const Json& bitmaps = json["dirty-bitmaps"];
  if (!bitmaps.is_array() || bitmaps.size() > kMaxBitmaps) return damaged("\"dirty-bitmaps\" is no list of them");
  for (const Json& bitmap : bitmaps) disk.bitmaps.push_back(HX_TRY_IN(disk.node, bitmap_of(bitmap)));
  return disk;
}

// "/machine/peripheral/vd0/virtio-backend" → "vd0"; "/machine/unattached/device[23]" has no id.
std::string id_of_device(const std::string& path) {
  constexpr std::string_view kPeripheral = "/machine/peripheral/";
  if (!path.starts_with('/')) return path;
  if (!path.starts_with(kPeripheral)) return "";
  const std::string id = path.substr(kPeripheral.size());
  return id.substr(0, id.find('/'));
}

// nullopt: a device without a medium.
Result<std::optional<VmDisk>> disk_of_device(const Json& json) {
  if (!json.is_object()) return other_form("query-block");
  if (!json.contains("inserted")) return std::optional<VmDisk>();
  VmDisk disk = HX_TRY_IN("query-block", disk_of_node(json["inserted"]));
  const std::string name = HX_TRY_IN("query-block", json_string_or(json, "device", ""));
  const std::string path = HX_TRY_IN("query-block", json_string_or(json, "qdev", ""));
  const std::string id = id_of_device(path);
  for (const std::string& each : {id, name})
    if (!each.empty()) disk.names.push_back(each);
  if (!path.empty()) disk.names.push_back(path);
  disk.label = !id.empty() ? id : !name.empty() ? name : disk.node;
  return std::optional(std::move(disk));
}

Status check_list(const Json& json, const std::string& command) {
  if (!json.is_array() || json.size() > kMaxNodes) return other_form(command);
  return {};
}

}  // namespace

Result<std::vector<VmDisk>> list_disks(const Json& blocks, const Json& nodes, const Json& exports) {
  HX_TRY(check_list(blocks, "query-block"));
  HX_TRY(check_list(nodes, "query-named-block-nodes"));
  HX_TRY(check_list(exports, "query-block-exports"));
  std::vector<VmDisk> disks;
  for (const Json& block : blocks) {
    if (!block.is_object()) return other_form("query-block");
    if (HX_TRY_IN("query-block", json_bool_or(block, "removable", false))) continue;
    if (auto disk = HX_TRY(disk_of_device(block))) disks.push_back(std::move(*disk));
  }
  if (!disks.empty()) return disks;
  std::set<std::string> exported;
  for (const Json& each : exports) {
    if (RunName::parse(HX_TRY_IN("query-block-exports", json_string(each, "id")))) continue;
    exported.insert(HX_TRY_IN("query-block-exports", json_string(each, "node-name")));
  }
  for (const Json& node : nodes) {
    VmDisk disk = HX_TRY_IN("query-named-block-nodes", disk_of_node(node));
    if (exported.contains(disk.node)) disks.push_back(std::move(disk));
  }
  // QEMU lists its newest node first.
  std::ranges::sort(disks, {}, &VmDisk::node);
  return disks;
}

Result<VmDisk> find_disk(const std::string& name, const Json& blocks, const Json& nodes) {
  HX_TRY(check_list(blocks, "query-block"));
  HX_TRY(check_list(nodes, "query-named-block-nodes"));
  for (const Json& block : blocks) {
    auto disk = HX_TRY(disk_of_device(block));
    if (disk && std::ranges::find(disk->names, name) != disk->names.end()) return std::move(*disk);
  }
  for (const Json& node : nodes) {
    VmDisk disk = HX_TRY_IN("query-named-block-nodes", disk_of_node(node));
    if (disk.node == name) return disk;
  }
  return usage_error("no device and no node is called '" + name + "'");
}

}  // namespace hx
