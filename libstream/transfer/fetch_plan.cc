#include "transfer/fetch_plan.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <set>

#include "base/checked_math.h"
#include "extent/extent_algebra.h"
#include "extent/map_text.h"
#include "extent/stream_format.h"
#include "io/fd_io.h"
#include "transfer/resume_source.h"

namespace hx {
namespace {

// Shows a disk under the key, name and files that it has in this stream.
class LabelledSource : public ExtentSource {
 public:
  LabelledSource(DiskToFetch disk, const ReadAheadOptions& options)
      : source_(disk.resume ? resumed_source(disk.reader, std::move(disk.what), *disk.resume, options)
                            : read_ahead(disk.reader, std::move(disk.what), options)),
        key_(std::move(disk.key)),
        name_(std::move(disk.name)),
        parent_state_(std::move(disk.parent_state)),
        files_(std::move(disk.files)) {}

  Result<std::optional<DiskInfo>> next_disk() override {
    auto info = HX_TRY(source_->next_disk());
    if (!info) return info;
    info->key = key_;
    info->name = name_;
    if (!parent_state_.empty()) info->parent_state = parent_state_;
    info->files = std::move(files_);
    return info;
  }
  Result<std::optional<Extent>> next() override { return source_->next(); }
  DiskTotals totals() const override { return source_->totals(); }

 private:
  std::unique_ptr<ExtentSource> source_;
  std::string key_, name_, parent_state_;
  std::vector<MachineFile> files_;
};

Result<std::string> read_text(const std::string& path, uint64_t limit) {
  UniqueFd file;
  if (path != "-") file = HX_TRY(open_fd(path, O_RDONLY));
  FdReader reader(file ? file.get() : STDIN_FILENO, path == "-" ? "stdin" : path);
  std::string text;
  std::array<std::byte, 64 * kKiB> piece;
  while (size_t count = HX_TRY(reader.read_some(piece))) {
    text += as_text(ByteSpan(piece).first(count));
    if (text.size() > limit)
      return unsupported(reader.name() + ": is larger than " + std::to_string(limit / kMiB) + " MiB");
  }
  return text;
}

Result<RangeSet> wanted_ranges(const FetchRequest& request, const DiskReader& disk) {
  const uint64_t size = disk.info().size;
  RangeSet wanted = to_range_set(std::vector<Range>{{0, size}});
  if (!request.ranges.empty()) {
    for (const Range& range : request.ranges)
      if (!fits_within(range.offset, range.length, size))
        return usage_error(disk.name() + ": the range " + std::to_string(range.offset) + "+" +
                           std::to_string(range.length) + " ends beyond the disk, which has " + std::to_string(size) +
                           " bytes");
    wanted = to_range_set(request.ranges);
  }
  if (request.extents)
    wanted =
        intersect(wanted, unite(ranges_of(*request.extents, Kind::kData), ranges_of(*request.extents, Kind::kZero)));
  return wanted;
}

Result<ExtentList> map_of(const DiskReader& disk, const RangeSet& wanted) {
  ExtentList what;
  for (const Range& range : wanted) {
    const ExtentList part = HX_TRY(disk.map(range.offset, range.end()));
    for (const MapEntry& entry : part.entries()) HX_TRY_IN(disk.name(), what.append(entry));
  }
  return what;
}

Status check_files(const std::vector<MachineFile>& files) {
  std::set<std::string> names;
  uint64_t total = 0;
  for (const MachineFile& file : files) {
    if (!names.insert(file.name).second) return usage_error(file.name + ": a second machine file of this name");
    total += file.content.size();
  }
  if (total > kMaxFilesContent) return unsupported("the machine files have more than 64 MiB together");
  return {};
}

}  // namespace

Result<std::vector<DiskToFetch>> plan_fetch(FetchRequest request) {
  HX_TRY(check_files(request.files));
  if (!request.name.empty() && !is_leaf_name(request.name))
    return usage_error("'" + request.name + "' is no name for a disk: with '/' or control characters, or too long");
  std::vector<LocatedDisk> located;
  for (const std::string& location : request.locations)
    for (LocatedDisk& disk : HX_TRY(open_location(location, request.location))) located.push_back(std::move(disk));
  const bool is_for_one = !request.ranges.empty() || request.extents || !request.name.empty();
  if (is_for_one && located.size() != 1)
    return usage_error("a range, a list of extents or a name is for one disk, and here are " +
                       std::to_string(located.size()));
  std::vector<DiskToFetch> disks;
  for (LocatedDisk& disk : located) {
    DiskToFetch plan;
    plan.reader = std::move(disk.reader);
    const RangeSet wanted = HX_TRY(wanted_ranges(request, *plan.reader));
    plan.what = HX_TRY(map_of(*plan.reader, wanted));
    plan.key = "disk" + std::to_string(disks.size());
    plan.name = request.name.empty() ? to_leaf_name(disk.name) : request.name;
    if (disks.empty()) plan.files = std::move(request.files);
    disks.push_back(std::move(plan));
  }
  return disks;
}

std::unique_ptr<ExtentSource> fetch_source(std::vector<DiskToFetch> disks, const ReadAheadOptions& options) {
  std::vector<std::unique_ptr<ExtentSource>> sources;
  for (DiskToFetch& disk : disks) sources.push_back(std::make_unique<LabelledSource>(std::move(disk), options));
  return concatenate(std::move(sources));
}

Result<ExtentList> read_extents(const std::string& path) {
  const std::string text = HX_TRY(read_text(path, 64 * kMiB));
  return HX_TRY_IN(path == "-" ? "stdin" : path, parse_map(text, NotPresent::kAbsent));
}

Result<MachineFile> read_machine_file(const std::string& path) {
  MachineFile file;
  file.name = path.substr(path.rfind('/') + 1);  // npos + 1 is 0
  if (path == "-" || !is_leaf_name(file.name)) return usage_error("'" + path + "' is no name of a file");
  file.content = HX_TRY(read_text(path, kMaxFileContent));
  return file;
}

}  // namespace hx
