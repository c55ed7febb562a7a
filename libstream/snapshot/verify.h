#pragma once
// Reading a whole snapshot, or a sample of it, for no other reason than to know that it is good.

#include "io/progress.h"
#include "snapshot/snapshot_reader.h"

namespace hx {

// A frame that is not what the index says.
struct Damage {
  Range extent;          // of the disk: what is lost
  uint64_t file_offset;  // of the frame
  std::string message;
};

enum class FrameCheck : uint8_t {
  kContent,  // decoded, and compared with its leaf
  kStored,   // its bytes against their checksum: SnapshotReader::check_frame()
};

struct VerifyOptions {
  int threads = 2;
  double sample_percent = 100;  // of the data frames, chosen at random
  uint64_t seed = 0;            // of the choice
  FrameCheck check = FrameCheck::kContent;
  bool image_digest = false;  // also the SHA-256 of the whole image; not with a sample
  DiskProgress* progress = nullptr;
};

struct VerifyReport {
  uint64_t frames = 0, bytes = 0;  // of data, read and checked
  std::vector<Damage> damage;      // in disk order; at most kMaxDamage of them
  std::optional<Digest> image_digest;
  bool image_digest_compared = false;  // there was one to compare with
  bool image_digest_fits = true;
};
constexpr size_t kMaxDamage = 1 << 20;

// The index first (an Error if it does not hold: then nothing else can be said), then the data frames by several
// threads. Errors of reading the file are Errors, what is damaged is in the report.
Result<VerifyReport> verify_snapshot(const std::shared_ptr<const SnapshotReader>&, const VerifyOptions&);

}  // namespace hx
