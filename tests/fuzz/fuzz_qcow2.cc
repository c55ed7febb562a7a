// Any bytes as a qcow2 file: no crash, no memory by a number that is in them, and nothing written to what is not sound;
// what is sound, by whatever writer, is after a checkpoint, a restore and a deletion sound still, and the same disk.

#include "fuzz/target.h"
#include "image/qcow2_disk.h"
#include "io/fd_io.h"
#include "support/memory_disk_file.h"
#include "vdsk/internal_checkpoints.h"

using namespace hx;

namespace {

constexpr uint64_t kLooked = 256 * kKiB;  // of the disk

// The disk's beginning and its map; nullopt: it cannot be read.
std::optional<std::string> content_of(const RandomReader& file, const std::optional<SnapshotName>& snapshot) {
  const std::shared_ptr<const RandomReader> unowned(std::shared_ptr<void>(), &file);
  auto disk = open_qcow2_disk(unowned, {.data_file = {}, .snapshot = snapshot});
  if (!disk) return std::nullopt;
  const uint64_t size = std::min((*disk)->info().size, kLooked);
  std::string text(size, '\0');
  auto map = (*disk)->map(0, size);
  if (!map || !(*disk)->read_at(0, std::as_writable_bytes(std::span(text)))) return std::nullopt;
  uint64_t at = 0;
  for (const MapEntry& entry : map->entries()) {
    require(entry.offset == at, "the map tiles the disk");
    at = entry.end();
    if (entry.kind == Kind::kZero)
      require(text.find_first_not_of('\0', entry.offset) >= entry.end(), "what is zero reads so");
  }
  require(at == size, "the map is as long as the disk");
  return std::to_string((*disk)->info().size) + text;
}

bool is_sound(const RandomReader& file) { return read_sound_image(file).ok(); }

void flip(Result<Change> change) {
  if (change.ok()) require((*change)->flip().ok(), "a flip in memory");
}

void change(std::string_view bytes) {
  const MemoryReader before(as_bytes(bytes));
  const auto image = read_sound_image(before);
  test::MemoryDiskFile file{std::string(bytes)};
  if (!image.ok()) {
    require(!prepare_create(file, "fuzzed", {}).ok() && file.operations().empty(), "what is not sound is not touched");
    return;
  }
  const auto active = content_of(before, {});
  flip(prepare_create(file, "fuzzed", {}));
  require(is_sound(file), "sound with a checkpoint");
  require(!active || content_of(file, {}) == active, "the disk is the same");
  auto data = read_qcow2_metadata(file);
  require(data.ok(), "it can be read");
  for (const Qcow2Snapshot& snapshot : data->snapshots) {
    const auto wanted = content_of(file, SnapshotName{snapshot.id, true});
    flip(prepare_restore(file, {snapshot.id, true}, {}));
    require(is_sound(file), "sound after a restore");
    if (data->bitmaps.empty() && wanted) require(content_of(file, {}) == wanted, "restored is what it was");
    flip(prepare_delete(file, {snapshot.id, true}));
    require(is_sound(file), "sound after a deletion");
    auto now = read_qcow2_metadata(file);
    require(now.ok() && now->snapshots.size() <= data->snapshots.size(), "one less");
    if (&snapshot - data->snapshots.data() > 8) break;
  }
}

}  // namespace

static void fuzz(std::string_view bytes) {
  const MemoryReader file(as_bytes(bytes));
  auto data = read_qcow2_metadata(file);
  if (!data) return;
  (void)content_of(file, {});
  for (const Qcow2Bitmap& bitmap : data->bitmaps) {
    auto dirty = dirty_ranges(file, data->header, bitmap);
    require(!dirty || dirty->empty() || dirty->back().end() <= data->header.size, "a bitmap ends with its disk");
  }
  (void)check_qcow2(file, *data);
  if (bytes.size() <= 256 * kKiB) change(bytes);
}
