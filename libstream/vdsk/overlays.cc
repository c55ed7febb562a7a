#include "vdsk/overlays.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/checked_math.h"
#include "io/fd_io.h"
#include "io/zero_range.h"
#include "vdsk/internal_checkpoints.h"
#include "vdsk/new_image.h"

namespace hx {
namespace {

constexpr uint64_t kPiece = kMiB;  // copied and compared at once

Result<UniqueFd> duplicate(int fd, const std::string& name) {
  UniqueFd copy(::fcntl(fd, F_DUPFD_CLOEXEC, 0));
  if (!copy) return system_error(errno, name);
  return copy;
}

RangeSet whole(uint64_t begin, uint64_t end) { return begin < end ? RangeSet{{begin, end - begin}} : RangeSet{}; }

Result<RangeSet> ranges_that_are(const DiskReader& disk, std::initializer_list<Kind> kinds) {
  const ExtentList map = HX_TRY(disk.map(0, disk.info().size));
  RangeSet ranges;
  for (const Kind kind : kinds) ranges = unite(ranges, ranges_of(map, kind));
  return ranges;
}

Error siblings(const std::string& image, const std::vector<std::string>& others) {
  return refused(image + ": " + others.front() + " is based on it, too")
      .with_reason("siblings")
      .with_hint("merge --up leaves it as it is; so do overlays elsewhere, which --search DIR would find");
}

// A disk that its image alone makes up, with another size and backing file.
Qcow2Metadata with_size(Qcow2Metadata data, uint64_t size) {
  const uint64_t entries = std::max<uint64_t>(data.header.l1_needed(size), 1);
  if (entries != data.l1.size()) {
    data.l1.resize(entries);
    data.header.l1_offset = 0;
  }
  data.header.size = size;
  return data;
}
void set_backing(Qcow2Metadata& data, const std::string& name, ImageFormat format) {
  data.header.backing_name = name;
  data.header.backing_format = name.empty() ? "" : format_name(format);
}

Result<CheckedImage> read_without_checkpoints(const RandomReader& file, const char* why) {
  CheckedImage image = HX_TRY(read_sound_image(file));
  if (image.data.snapshots.empty()) return image;
  return refused(file.name() + ": has checkpoints in it, " + why)
      .with_reason("checkpoints")
      .with_hint("hx-vdsk delete removes them");
}

Status copy_to_raw(DiskFile& to, const DiskReader& from, int fd) {
  const uint64_t size = from.info().size;
  if (HX_TRY(to.size()) != size) HX_TRY(to.resize(size));
  const ExtentList map = HX_TRY(from.map(0, size));
  std::vector<std::byte> piece(kPiece);
  for (const MapEntry& entry : map.entries()) {
    if (entry.kind == Kind::kZero) HX_TRY(zero_range(fd, to.name(), entry.offset, entry.length));
    if (entry.kind != Kind::kData) continue;
    for (uint64_t at = entry.offset; at < entry.end();) {
      const MutableByteSpan part = MutableByteSpan(piece).first(std::min(kPiece, entry.end() - at));
      HX_TRY(from.read_at(at, part));
      HX_TRY(to.write_at(at, part));
      at += part.size();
    }
  }
  return to.sync();
}

Status remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0) return system_error(errno, path);
  const std::string parent = std::filesystem::path(path).parent_path().string();
  const UniqueFd directory = HX_TRY(open_fd(parent.empty() ? "." : parent, O_RDONLY | O_DIRECTORY));
  if (::fsync(directory.get()) != 0) return system_error(errno, path);
  return {};
}

// The change of a base that is qcow2: `overlay` and what is below it is what it reads from now on.
Result<Change> prepare_base(DiskFile& file, const OverlayChain& chain, size_t overlay) {
  CheckedImage image = HX_TRY(read_sound_image(file));
  if (!image.data.bitmaps.empty())
    return refused(file.name() + ": has dirty bitmaps, which would not know of the merge").with_reason("bitmaps");
  const DiskReader& top = *chain.layer(overlay);
  NewContent content{HX_TRY(ranges_that_are(top, {Kind::kData, Kind::kZero})), chain.view(overlay)};
  const uint64_t old_size = image.data.header.size, size = top.info().size;
  // Where it was too short for the overlay zeros were read; what is below it might be longer.
  if (!image.data.header.backing_name.empty()) content.where = unite(content.where, whole(old_size, size));
  Qcow2Metadata next = with_size(image.data, size);
  return Qcow2Change::prepare(file, std::move(image), std::move(next), &content);
}

Result<Change> prepare_backing(DiskFile& file, const std::string& name, ImageFormat format) {
  CheckedImage image = HX_TRY(read_sound_image(file));
  Qcow2Metadata next = image.data;
  set_backing(next, name, format);
  return Qcow2Change::prepare(file, std::move(image), std::move(next));
}

}  // namespace

Result<NewOverlay> prepare_overlay(const std::string& image, const std::string& overlay,
                                   const std::vector<std::string>& allowed, QemuLocks locks) {
  NewOverlay made{HX_TRY(OverlayChain::open(image, allowed, locks)),
                  HX_TRY(AtomicFile::open(overlay, Overwrite::kRefuse))};
  HX_TRY(made.base.lock({0}));
  NewImage layout;
  layout.size = divide_round_up(made.base.layer(0)->info().size, 512) * 512;
  layout.backing_name = HX_TRY(backing_name(overlay, image));
  layout.backing_format = made.base.format(0);
  const auto file = disk_file_of(HX_TRY(duplicate(made.file.fd(), overlay)), overlay);
  HX_TRY(write_new_image(*file, layout));
  // No copy is readable to more people; another's file cannot be given to him by everybody.
  const struct stat& status = made.base.status(0);
  if (::fchmod(made.file.fd(), status.st_mode & 07777) != 0) return system_error(errno, overlay);
  (void)!::fchown(made.file.fd(), status.st_uid, status.st_gid);
  return made;
}

Status commit_overlay(NewOverlay& made, const std::vector<std::string>& allowed, QemuLocks) {
  HX_TRY(made.file.commit());
  std::vector<std::string> all = allowed;
  all.push_back(std::filesystem::path(made.base.path(0)).parent_path().string());
  if (all.back().empty()) all.back() = ".";
  // Its base is locked, by us.
  const OverlayChain reopened = HX_TRY(OverlayChain::open(made.file.path(), all, QemuLocks::kIgnore));
  if (reopened.size() != made.base.size() + 1) return bug(made.file.path() + ": its chain is another one");
  return {};
}

Status merge_down(OverlayChain& chain, size_t overlay, const MergeOptions& options) {
  const size_t base = overlay + 1;
  std::vector<size_t> written = {overlay, base};
  std::vector<std::string> child;
  if (overlay > 0) written.push_back(overlay - 1), child.push_back(chain.path(overlay - 1));
  HX_TRY(chain.lock(written));
  if (const auto others = HX_TRY(other_overlays(chain.path(base), options.search, {chain.path(overlay)}));
      !others.empty())
    return siblings(chain.path(base), others);
  if (const auto others = HX_TRY(other_overlays(chain.path(overlay), options.search, child)); !others.empty())
    return siblings(chain.path(overlay), others);
  const auto top = HX_TRY(chain.writable(overlay));
  const CheckedImage image = HX_TRY(read_without_checkpoints(*top, "which would be lost"));
  if (!image.data.bitmaps.empty())
    return refused(chain.path(overlay) + ": has dirty bitmaps, which would be lost").with_reason("bitmaps");

  const auto below = HX_TRY(chain.writable(base));
  std::unique_ptr<DiskFile> above;
  Change base_change, child_change;
  if (chain.format(base) == ImageFormat::kQcow2) base_change = HX_TRY(prepare_base(*below, chain, overlay));
  if (overlay > 0) {
    above = HX_TRY(chain.writable(overlay - 1));
    const std::string name = HX_TRY(backing_name(chain.path(overlay - 1), chain.path(base)));
    child_change = HX_TRY(prepare_backing(*above, name, chain.format(base)));
  }
  // Read through the overlay, all is the same before and after each of these.
  if (base_change) {
    HX_TRY(base_change->flip());
  } else {
    const UniqueFd fd = HX_TRY(open_fd(chain.path(base), O_RDWR));
    HX_TRY(copy_to_raw(*below, *chain.layer(overlay), fd.get()));
  }
  if (child_change) HX_TRY(child_change->flip());
  return remove_file(chain.path(overlay));
}

Status merge_up(OverlayChain& chain, size_t overlay) {
  const size_t base = overlay + 1;
  HX_TRY(chain.lock({overlay}));
  const auto file = HX_TRY(chain.writable(overlay));
  CheckedImage image = HX_TRY(read_without_checkpoints(*file, "which read from its backing file"));
  const bool has_rest = base + 1 < chain.size();
  const DiskReader& below = *chain.layer(base);
  RangeSet said = HX_TRY(ranges_that_are(below, {Kind::kData}));
  // Zeros, and where it is too short, hide what is below it.
  if (has_rest) said = unite(said, HX_TRY(ranges_that_are(below, {Kind::kZero})));
  const uint64_t size = image.data.header.size;
  if (has_rest) said = unite(said, whole(below.info().size, size));
  NewContent content{intersect(HX_TRY(ranges_that_are(*chain.layer(overlay), {Kind::kAbsent})), said),
                     chain.view(overlay)};
  Qcow2Metadata next = image.data;
  if (has_rest)
    set_backing(next, HX_TRY(backing_name(chain.path(overlay), chain.path(base + 1))), chain.format(base + 1));
  else
    set_backing(next, "", ImageFormat::kRaw);
  const Change change = HX_TRY(Qcow2Change::prepare(*file, std::move(image), std::move(next), &content));
  HX_TRY(change->flip());
  return {};
}

}  // namespace hx
