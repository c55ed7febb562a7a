#pragma once
#include <string>

#include "io/progress.h"
#include "snapshot/snapshot_reader.h"

namespace hx {

// The SHA-256 of the whole image: decoded by several threads, hashed in order. Shown in progress, if given.
Result<Digest> digest_of_image(const std::shared_ptr<const SnapshotReader>&, int threads, Progress*);

enum class SealOutcome : uint8_t { kWasSealed, kSealed };

// Completes an unsealed snapshot: its checksum and seal go into the header, by one write. The checksum stands in the
// directory; where the snapshot was packed without one, digest_of_image(). The index is checked first.
Result<SealOutcome> seal_snapshot(const std::string& path, int threads, Progress*);

}  // namespace hx
