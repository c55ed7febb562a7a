#pragma once
#include <optional>

#include "snapshot/mirn_header.h"
#include "snapshot/mirn_index.h"

namespace hx {

// How much of the search for a damaged byte is hashed: about a second. Enough for the list of machine files of most
// snapshots; what is beyond stays lost.
constexpr uint64_t kMaxDirectorySearch = 4 * kGiB;

struct HealedDirectory {
  std::optional<Directory> directory;  // proven by the checksum that it had
  uint64_t hashed = 0;                 // bytes, for that
};

// A damaged directory as it was: raw, its frame as it stands; made, all that pages and frames say (no digests of header
// and image, no machine files); the header as far as it can be parsed. What they do not say, the list of the machine
// files above all, is raw's: as it is, or with one byte changed. Hashes at most max_hashed bytes and one frame.
HealedDirectory heal_directory(ByteSpan raw, Directory made, const std::optional<SnapshotHeader>& header,
                               uint64_t max_hashed = kMaxDirectorySearch);

}  // namespace hx
