#include "transfer/restore_target.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "extent/difference_sink.h"
#include "image/raw_disk.h"
#include "io/fd_io.h"
#include "providers/local/disk_location.h"
#include "providers/nbd/nbd_disk.h"
#include "providers/provider_list.h"

namespace hx {
namespace {

// The sink would find it too, but after all of the snapshot was checked, which can take hours.
Status check_room(const RestoreTarget& target, const SnapshotInput& input) {
  if (input.kind() == InputKind::kStream) return {};
  const UniqueFd fd = HX_TRY(open_fd(target.path, O_RDONLY));
  const uint64_t size = HX_TRY(size_of_fd(fd.get(), target.path)), needed = input.header().size;
  if (needed <= size) return {};
  return refused(target.path + ": too small: " + std::to_string(size) + " bytes, the disk has " +
                 std::to_string(needed));
}

// A VHD has its size in cylinders, heads and sectors: not that of every disk.
bool is_written(std::optional<ImageFormat> format) {
  return format == ImageFormat::kQcow2 || format == ImageFormat::kVmdk || format == ImageFormat::kVhdx;
}

Overwrite overwrite_of(const RestoreTarget& target) { return target.force ? Overwrite::kReplace : Overwrite::kRefuse; }

Status check_can_be_verified(const RestoreTarget& target, const SnapshotInput& input) {
  if (input.is_file() || target.force) return {};
  return refused(target.path + ": what comes from a pipe cannot be verified before the target is overwritten")
      .with_hint("--force overwrites it all the same");
}

Result<std::unique_ptr<FileSink>> open_nbd_target(const RestoreTarget& target, RestoreJob& job) {
  NbdServer server;
  server.uri = target.path;
  NbdOptions options;
  options.timeout = target.timeout;
  const SnapshotInput& input = *job.input;
  const bool has_size = input.kind() != InputKind::kStream && input.has_header();
  auto sink = HX_TRY(open_nbd_sink(server, options, has_size ? input.header().size : 0));
  if (!target.only_differences) return sink;
  job.target_content = HX_TRY(open_nbd_disk(server, options));
  return difference_sink(std::move(sink), job.target_content);
}

Result<TargetKind> kind_by_name(const RestoreTarget& target, const SnapshotInput& input) {
  if (target.path == "-") return TargetKind::kStdout;
  if (is_nbd_scheme(parse_location(target.path).scheme)) {
    HX_TRY(check_can_be_verified(target, input));
    return TargetKind::kNbd;
  }
  struct stat st;
  const bool exists = stat(target.path.c_str(), &st) == 0;
  if (!exists && errno == ENOENT && target.in_place)
    return usage_error(target.path + ": No such file or directory").with_hint("without --in-place a new file is made");
  const bool is_device = exists && S_ISBLK(st.st_mode);
  if (!is_device && !target.in_place) {
    const std::string suffix = image_suffix(target.path);
    if (suffix.empty()) return TargetKind::kNewFile;
    if (is_written(format_of_suffix(suffix))) return TargetKind::kNewImage;
    if (target.force) return TargetKind::kNewFile;
    return unsupported(target.path + ": a disk is not written as " + suffix.substr(1))
        .with_hint("restore to a name without that suffix, then qemu-img convert");
  }
  // After the first bytes there would be neither.
  if (exists && input.is_same_file(st)) return refused(target.path + ": is the snapshot itself");
  HX_TRY(check_can_be_verified(target, input));
  return TargetKind::kInPlace;
}

}  // namespace

// At most: a chunk counts as a whole, and zeros inside it will take no space.
uint64_t expected_data(const RestoreTarget& target, const RestoreJob& job) {
  if (const auto& chain = job.input->chain(); chain && !target.force) {
    const Range range = job.range.value_or(Range{0, chain->info().size});
    if (range.end() > chain->info().size) return 0;  // restore() will say so
    const auto map = chain->map(range.offset, range.end());
    return map.ok() ? map.value().bytes_of(Kind::kData) : 0;
  }
  if (target.force || job.input->kind() != InputKind::kIndexed || !job.input->is_file()) return 0;
  const auto reader = job.input->open_indexed();
  if (!reader.ok()) return 0;  // restore() will say why
  const uint64_t data = reader.value()->directory().data_bytes;
  return job.range ? std::min(job.range->length, data) : data;
}

Result<TargetKind> kind_of_target(const RestoreTarget& target, const SnapshotInput& input) {
  const TargetKind kind = HX_TRY(kind_by_name(target, input));
  if (target.only_differences && !is_overwritten(kind))
    return usage_error("--only-differences: nothing to compare with: it goes with --in-place, or a device");
  return kind;
}

Result<std::unique_ptr<FileSink>> open_target(const RestoreTarget& target, TargetKind kind, RestoreJob& job) {
  switch (kind) {
    case TargetKind::kStdout:
      enlarge_pipe(STDOUT_FILENO);
      return stdout_sink(STDOUT_FILENO, "stdout");
    case TargetKind::kInPlace: {
      // Force that was needed for a pipe says nothing about a mounted device.
      auto sink = HX_TRY(in_place_sink(target.path, target.force && job.input->is_file() ? Force::kYes : Force::kNo));
      HX_TRY(check_room(target, *job.input));
      if (!target.only_differences) return sink;
      // It is we who write to it.
      job.target_content = HX_TRY(open_raw_disk(target.path, {.in_use = InUse::kAllow}));
      return difference_sink(std::move(sink), job.target_content);
    }
    case TargetKind::kNbd:
      return open_nbd_target(target, job);
    case TargetKind::kNewImage:
      return open_image_sink(target.path, *format_of_suffix(image_suffix(target.path)), overwrite_of(target));
    case TargetKind::kNewFile:
      return new_file_sink(target.path, overwrite_of(target), expected_data(target, job));
  }
  return bug("an unknown kind of target");
}

std::string how_far(const RestoreTarget& target, const FileSink& sink) {
  return target.path + ": overwritten up to " + std::to_string(sink.contiguous_end()) +
         ", and perhaps in places behind it: restore it again";
}

}  // namespace hx
