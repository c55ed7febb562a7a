#pragma once
// What hx-vdsk does, command by command: files opened under their locks, every one prepared before the first is
// changed, a record for each.

#include <functional>

#include "base/clock.h"
#include "base/json_fwd.h"
#include "vdsk/internal_checkpoints.h"

namespace hx {

enum class CheckpointKind : uint8_t { kInternal, kExternal };
enum class MergeWay : uint8_t { kDown, kUp };

struct VdskRequest {
  std::vector<std::string> targets;  // files
  CheckpointKind kind = CheckpointKind::kInternal;
  std::optional<std::string> overlay;  // external: the new file; empty: DISK.NAME.qcow2 beside the disk
  MergeWay way = MergeWay::kDown;
  std::vector<std::string> search, allow_backing;  // directories
  std::optional<std::string> backing;              // rebase: empty: none
  SnapshotName name;
  std::optional<std::string> save_as;
  bool discard = false, repair = false;
  std::optional<std::string> from, to;
  QemuLocks locks = QemuLocks::kTake;
  const Clock* clock = &system_clock();
};
// Takes one record; hx-vdsk(1), KEYS, says what is in it.
using EmitRecord = std::function<Status(const Json&)>;

// A record for each target when it is done. The first error ends it: if it is one of a flip, those before are changed,
// which it says.
Status vdsk_create(const VdskRequest&, const EmitRecord&);
Status vdsk_restore(const VdskRequest&, const EmitRecord&);
Status vdsk_delete(const VdskRequest&, const EmitRecord&);

Status vdsk_merge(const VdskRequest&, const EmitRecord&);
Status vdsk_rebase(const VdskRequest&, const EmitRecord&);

// A record for each checkpoint.
Status vdsk_list(const VdskRequest&, const EmitRecord&);
// A record for each target. kDamaged: one is not sound, and was not mended.
Status vdsk_verify(const VdskRequest&, const EmitRecord&);
// The map of what changed, of one target: text of extent/extent_json.h.
Result<std::string> vdsk_diff(const VdskRequest&);

// A record of list for people: one line.
std::string format_checkpoint_line(const Json& record);

}  // namespace hx
