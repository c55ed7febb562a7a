#include "transfer/pack_sink_base.h"

#include "base/json.h"

namespace hx {

Status PackSinkBase::begin_disk(const DiskInfo& info) {
  HX_TRY(open(info));
  return current().sink->begin_disk(info);
}

Status PackSinkBase::put_disk(const DiskReader& disk, const ExtentList& map, const PumpOptions& pump) {
  HX_TRY(open(disk.info()));
  DiskProgress* progress = pump.progress ? &pump.progress->add_disk(disk.info().name, disk.info().size) : nullptr;
  HX_TRY(current().sink->put_disk(disk, map, progress, pump.rate_limiter));
  if (progress) progress->finished = true;
  return {};
}

Status PackSinkBase::commit() {
  if (packings_.empty()) return damaged("the stream holds no disk");
  for (Packing& packing : packings_) {
    HX_TRY(packing.sink->commit());
    packing.disk.totals = packing.sink->totals();
    packed_.push_back(packing.disk);
  }
  for (Packing& packing : packings_)
    if (packing.file) HX_TRY(packing.file->commit());
  return finish();
}

Status PackSinkBase::open(const DiskInfo& info) {
  Packing packing;
  packing.disk.key = info.key;
  packing.disk.totals.kind = info.kind;
  packing.disk.name = options_.name.empty() ? info.name : options_.name;
  packing.disk.file_count = info.files.size();
  HX_TRY(place(packing));
  packing.sink = snapshot_sink(*packing.output, options_);
  packings_.push_back(std::move(packing));
  return {};
}

Result<std::string> take_snapshot_name(const PackedDisk& disk, const std::string& where, std::set<std::string>& taken) {
  std::string name = disk.name.empty() ? disk.key : to_leaf_name(disk.name);
  if (!taken.insert(name).second) {
    name += "-" + disk.key;
    if (!taken.insert(name).second) return refused(where + ": two disks would be " + name + ".mirn");
  }
  return name + ".mirn";
}

std::string manifest_text(const std::vector<PackedDisk>& packed) {
  Json disks = Json::array();
  for (const PackedDisk& disk : packed) {
    Json entry = to_json(disk);
    entry["file"] = disk.member;
    disks.push_back(std::move(entry));
  }
  return dump_json({{"type", "manifest"}, {"version", 1}, {"disks", disks}}, 2) + "\n";
}

}  // namespace hx
