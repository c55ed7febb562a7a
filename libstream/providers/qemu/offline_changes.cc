#include "providers/qemu/offline_changes.h"

#include "base/uuid.h"
#include "providers/qemu/generation.h"

namespace hx {

Result<OfflineChanges> offline_changes(const std::string& path, const Qcow2Bitmaps& image, const std::string& text) {
  VmDisk disk;
  disk.label = path;
  disk.size = image.disk_size;
  for (const Qcow2Bitmap& bitmap : image.bitmaps)
    disk.bitmaps.push_back(
        {bitmap.name, bitmap.granularity, 0, bitmap.is_recording, false, true, bitmap.is_inconsistent});
  QemuToken token = HX_TRY(parse_qemu_token(text));
  OfflineChanges changes;
  changes.bitmaps = HX_TRY(bitmaps_since(token, disk));
  changes.info.key = "disk0";
  changes.info.size = image.disk_size;
  changes.info.state = make_uuid();
  changes.info.parent_state = token.state;
  changes.info.parent_change_token = text;
  token.state = changes.info.state;
  changes.info.change_token = format_token(token);
  return changes;
}

}  // namespace hx
