#pragma once
#include <optional>

#include "snapshot/mirn_header.h"
#include "snapshot/mirn_index.h"

namespace hx {

// Whether a directory is the one of a header. Whoever writes to the disk can put any number of directories there, and
// mending a header takes up to a second: so only the first few that do not fit it as it stands are asked that way.
class HeaderMatch {
 public:
  // It has the digest of the header, or of what that was before it was damaged: heal_header().
  bool fits(const SnapshotHeader&, const Directory&);

 private:
  int mended_ = 0;
};

// A directory that is whole, but of another snapshot: the end of that lies over ours. Pages do not say whose they are,
// the directory that names them does.
struct ForeignDirectory {
  uint64_t place, body_offset;  // in the file
  Directory directory;

  // xxh3: of the page's frame.
  bool names_page(uint64_t place_of_page, uint32_t number, uint64_t xxh3) const;
};

}  // namespace hx
