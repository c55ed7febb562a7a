#include "providers/qemu/offline_changes.h"

#include <algorithm>

#include "base/uuid.h"
#include "image/qcow2_bitmaps.h"
#include "providers/qemu/generation.h"

namespace hx {

Result<OfflineChanges> offline_changes(const RandomReader& file, const std::string& text) {
  QemuToken token = HX_TRY(parse_qemu_token(text));
  const Qcow2Header header = HX_TRY(read_qcow2_header(file));
  const std::vector<Qcow2Bitmap> kept = HX_TRY(read_qcow2_bitmaps(file, header));
  VmDisk disk;
  disk.label = file.name();
  disk.size = header.size;
  for (const Qcow2Bitmap& bitmap : kept)
    disk.bitmaps.push_back({bitmap.name, bitmap.granularity, 0, bitmap.is_auto, false, true, !bitmap.is_usable});
  // Which ones they were is not looked at, so the token's is taken to be among them: the reason is told, not "missing".
  if (header.has_stale_bitmaps)
    disk.bitmaps.push_back({token.since.bitmap(), token.granularity, 0, true, false, true, true});
  OfflineChanges changes;
  for (const std::string& name : HX_TRY(bitmaps_since(token, disk)))
    changes.changed =
        unite(changes.changed, HX_TRY(dirty_ranges(file, header, *std::ranges::find(kept, name, &Qcow2Bitmap::name))));
  changes.info.key = "disk0";
  changes.info.size = header.size;
  changes.info.state = make_uuid();
  changes.info.parent_state = token.state;
  changes.info.parent_change_token = text;
  token.state = changes.info.state;
  changes.info.change_token = format_token(token);
  return changes;
}

}  // namespace hx
