#include "vdsk/vdsk_job.h"

#include <fcntl.h>

#include "base/json.h"
#include "base/size_text.h"
#include "extent/extent_json.h"
#include "io/device_use.h"
#include "io/fd_io.h"
#include "io/qemu_locks.h"
#include "vdsk/checkpoint_name.h"
#include "vdsk/overlay_job.h"

namespace hx {
namespace {

// Read under a lock that keeps writers out; a disk in use is refused, as half of a table may be in QEMU's memory.
Result<FileReader> open_for_reading(const std::string& path, QemuLocks locks) {
  FileReader file = HX_TRY(FileReader::open(path));
  if (locks == QemuLocks::kTake) HX_TRY(take_qemu_locks(file.fd(), path, UseFor::kReading));
  return file;
}

struct Target {
  std::unique_ptr<DiskFile> file;
  Change change;
};
using Prepare = std::function<Result<Change>(DiskFile&)>;

Json record_of(const std::string& target, const char* operation, const std::string& name,
               const TransactionReport& report) {
  return {{"target", target},
          {"operation", operation},
          {"kind", "internal"},
          {"name", name},
          {"file", target},
          {"changed", report.changed},
          {"warning", report.warning},
          {"freed_clusters", report.freed_clusters}};
}

Status change_all(const VdskRequest& request, const char* operation, const std::string& name, const Prepare& prepare,
                  const EmitRecord& emit) {
  std::vector<Target> targets;
  for (const std::string& path : request.targets)
    targets.push_back({HX_TRY(open_disk_file_for_writing(path, request.locks)), nullptr});
  for (Target& target : targets) target.change = HX_TRY(prepare(*target.file));
  for (size_t i = 0; i < targets.size(); ++i) {
    auto report = targets[i].change->flip();
    if (!report) {
      Error error = std::move(report).error();
      if (i > 0) error.message += "; " + std::to_string(i) + " of " + std::to_string(targets.size()) + " are changed";
      return error;
    }
    HX_TRY(emit(record_of(request.targets[i], operation, name, *report)));
  }
  return {};
}

std::string time_of(const Qcow2Snapshot& snapshot) {
  return format_rfc3339(Moment(std::chrono::duration_cast<Moment::duration>(
      std::chrono::seconds(snapshot.seconds) + std::chrono::nanoseconds(snapshot.nanoseconds))));
}

Status list_one(const std::string& path, const VdskRequest& request, const EmitRecord& emit) {
  const FileReader file = HX_TRY(open_for_reading(path, request.locks));
  const CheckedImage image = HX_TRY(read_sound_image(file));
  for (const CheckpointEntry& entry : HX_TRY(list_checkpoints(file, image))) {
    const Qcow2Snapshot& snapshot = entry.snapshot;
    HX_TRY(emit({{"target", path},
                 {"kind", "internal"},
                 {"id", escape_name(snapshot.id)},
                 {"name", escape_name(snapshot.name)},
                 {"time", time_of(snapshot)},
                 {"size", snapshot.disk_size},
                 {"vm_state_size", snapshot.vm_state_size},
                 {"exclusive_bytes", entry.exclusive_bytes}}));
  }
  return {};
}

Json findings_of(const std::string& path, const Qcow2Check& check, bool repaired) {
  return {{"target", path},       {"sound", check.is_sound()}, {"clusters", check.clusters},
          {"leaks", check.leaks}, {"wrong", check.wrong},      {"broken", check.broken},
          {"repaired", repaired}, {"findings", check.findings}};
}

Result<CheckedImage> read_any_image(const RandomReader& file) {
  CheckedImage image;
  image.data = HX_TRY(read_qcow2_metadata(file));
  image.check = HX_TRY(check_qcow2(file, image.data));
  return image;
}

Status verify_one(const std::string& path, const VdskRequest& request, const EmitRecord& emit) {
  if (!request.repair) {
    const FileReader file = HX_TRY(open_for_reading(path, request.locks));
    const CheckedImage image = HX_TRY(read_any_image(file));
    HX_TRY(emit(findings_of(path, image.check, false)));
    if (image.check.is_sound()) return {};
    return damaged(path + ": is not sound").with_reason("not-sound");
  }
  const auto file = HX_TRY(open_disk_file_for_writing(path, request.locks));
  CheckedImage image = HX_TRY(read_any_image(*file));
  if (image.check.broken > 0) HX_TRY(emit(findings_of(path, image.check, false)));
  Json record = findings_of(path, image.check, true);
  const Change change = HX_TRY(prepare_repair(*file, std::move(image)));
  record["repaired"] = HX_TRY(change->flip()).changed;
  return emit(record);
}

}  // namespace

Status vdsk_create(const VdskRequest& request, const EmitRecord& emit) {
  if (request.kind == CheckpointKind::kExternal) return create_overlays(request, emit);
  const Moment now = request.clock->wall_now();
  return change_all(
      request, "create", request.name.text,
      [&](DiskFile& file) { return prepare_create(file, request.name.text, now); }, emit);
}

Status vdsk_restore(const VdskRequest& request, const EmitRecord& emit) {
  if (request.save_as.has_value() == request.discard)
    return usage_error("restore needs --save-as or --discard")
        .with_hint("--save-as NAME keeps the disk as it is now as a checkpoint, --discard gives it up");
  const RestoreOptions options{request.save_as, request.clock->wall_now()};
  return change_all(
      request, "restore", request.name.text,
      [&](DiskFile& file) { return prepare_restore(file, request.name, options); }, emit);
}

Status vdsk_delete(const VdskRequest& request, const EmitRecord& emit) {
  if (request.kind == CheckpointKind::kExternal) return vdsk_merge(request, emit);
  return change_all(
      request, "delete", request.name.text, [&](DiskFile& file) { return prepare_delete(file, request.name); }, emit);
}

Status vdsk_list(const VdskRequest& request, const EmitRecord& emit) {
  for (const std::string& path : request.targets) {
    if (request.kind == CheckpointKind::kInternal) HX_TRY(list_one(path, request, emit));
    if (request.kind == CheckpointKind::kExternal) HX_TRY(list_overlays(path, request, emit));
  }
  return {};
}

Status vdsk_verify(const VdskRequest& request, const EmitRecord& emit) {
  Status first;
  for (const std::string& path : request.targets) {
    Status status = verify_one(path, request, emit);
    if (!status && first) first = std::move(status);
  }
  return first;
}

Result<std::string> vdsk_diff(const VdskRequest& request) {
  if (request.targets.size() != 1) return usage_error("diff is of one disk");
  if (!request.from) return usage_error("diff needs --from");
  const FileReader file = HX_TRY(open_for_reading(request.targets.front(), request.locks));
  const CheckedImage image = HX_TRY(read_sound_image(file));
  std::optional<SnapshotName> to;
  if (request.to) to = SnapshotName{*request.to};
  return format_map_json(HX_TRY(diff_checkpoints(file, image.data, SnapshotName{*request.from}, to)));
}

std::string format_checkpoint_line(const Json& record) {
  if (record.contains("overlay"))
    return escape_name(record["name"].get<std::string>()) + ": " + escape_name(record["file"].get<std::string>()) +
           ", written since: " + escape_name(record["overlay"].get<std::string>()) + "\n";
  const auto text = [&](const char* key) { return record.at(key).get<std::string>(); };
  const auto size = [&](const char* key) { return format_size(record.at(key).get<uint64_t>()); };
  std::string line = text("time").substr(0, 19) + "Z  " + size("size") + "  " + text("name") + " (" + text("id") +
                     "), " + size("exclusive_bytes") + " its own";
  if (record.at("vm_state_size").get<uint64_t>() > 0) line += ", with memory";
  return line + "\n";
}

}  // namespace hx
