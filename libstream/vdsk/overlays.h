#pragma once
// Checkpoints outside of an image: the image stays as it is, and what is written goes to an overlay over it.

#include "io/atomic_file.h"
#include "vdsk/overlay_chain.h"
#include "vdsk/shadow_transaction.h"

namespace hx {

// An overlay over an image, complete but without its name until commit().
struct NewOverlay {
  OverlayChain base;  // keeps its lock
  AtomicFile file;
};
// As large as the image, owner and permissions as the image has them where that is allowed. kRefused: the image is in
// use, or the overlay exists.
Result<NewOverlay> prepare_overlay(const std::string& image, const std::string& overlay,
                                   const std::vector<std::string>& allowed, QemuLocks);
// Under its name now; and its chain can be opened.
Status commit_overlay(NewOverlay&, const std::vector<std::string>& allowed, QemuLocks);

struct MergeOptions {
  std::vector<std::string> search;  // directories in which there may be other overlays, besides the images' own
};
// What layer `overlay` has goes into the layer below it; the one above it, if there is one, is then based on that, and
// the overlay's file is removed. Cut off at any point all read the same through the image, and it can be run again.
// kRefused (reason "siblings"): another overlay is based on one of the two, which would change or lose its base;
// checkpoints or bitmaps in the overlay, which would be lost.
Status merge_down(OverlayChain&, size_t overlay, const MergeOptions&);
// What the overlay reads from the layer below goes into the overlay, which is then based on what is below that, if
// anything. One flip; no other file is touched. kRefused: checkpoints in the overlay, which read from below, too.
Status merge_up(OverlayChain&, size_t overlay);
// The image reads the same with another backing file, or none (empty): what would differ is copied into it. One flip.
Status rebase(OverlayChain&, const std::string& backing, const std::vector<std::string>& allowed, QemuLocks);

}  // namespace hx
