#pragma once
// One disk into one snapshot, packed by several threads.

#include <functional>

#include "extent/disk_reader.h"
#include "extent/extent_sink.h"
#include "hash/sha256_state.h"
#include "io/progress.h"
#include "io/rate_limiter.h"
#include "snapshot/delta_parent.h"
#include "snapshot/snapshot_writer.h"

namespace hx {

enum class ImageDigest : uint8_t { kSerial, kNone };  // kNone: the snapshot stays unsealed, sealing reads it all

struct PackOptions {
  int level = 3;
  uint32_t chunk_size = mirn::kDefaultChunkSize;
  bool is_chunk_size_given = false;   // by the user: else a delta has its parent's
  uint32_t version = mirn::kVersion;  // of full disks
  std::optional<DeltaParent> parent = {};
  int threads = 2;
  uint64_t memory = 160 * kMiB;  // of buffers, in all
  ImageDigest image_digest = ImageDigest::kSerial;
  std::string name;                       // "" = the disk's
  std::optional<std::string> filesystem;  // nullopt = probed
  std::string created_by;
  std::string timestamp;  // RFC 3339
  // Called from a thread of the sink as soon as one has failed, so that who waits for more to put need not wait any
  // longer: what a pipe sends may never come. The same error comes from the next put() or end_disk().
  std::function<void(const Error&)> on_failure = [](const Error&) {};
  // Names the file system by the image's first bytes (up to 128 KiB; image/filesystem_probe).
  std::function<std::string(ByteSpan head)> probe_filesystem = [](ByteSpan) { return std::string(); };
};

// A snapshot that an earlier run has begun, and how far it has hashed the image (not at all: it is read again).
struct BegunSnapshot {
  WrittenPrefix written;
  std::optional<Sha256State> image_digest;
};
// Up to where another run can go on.
struct SealedSnapshot {
  SealPoint point;
  std::optional<Sha256State> image_digest;  // of at most point.from bytes
  std::string state;
  uint32_t chunk_size = 0;
};

class SnapshotSink : public ExtentSink {
 public:
  // After commit().
  virtual const PackTotals& totals() const = 0;
  // What has been written counts: from any thread, after begin_disk(), before commit().
  virtual Result<SealedSnapshot> seal() = 0;
  // No more will come, and seal() shall have all chunks that did: instead of end_disk().
  virtual Status stop() = 0;
  // The faster way in, where the disk can be read at any place: packers and hasher each read it at their own pace. Does
  // what begin_disk() … end_disk() do. kChanged: the passes read different bytes, or check_unchanged() says so.
  virtual Status put_disk(const DiskReader&, const ExtentList& map, DiskProgress*, RateLimiter*) = 0;
};

// Order::kAscending, exactly one disk, full or a delta (a part is kUnsupported). A delta makes a version 2 snapshot; it
// needs a parent_state, of its own or of options.parent: kUsage; kRefused where they differ, or the sizes do. The
// output outlives it; commit() of the file behind it is the caller's.
std::unique_ptr<SnapshotSink> snapshot_sink(SnapshotOutput&, const PackOptions&);
// Goes on with one: its disk must come with `resume` from written.from() on. Chunk size, name, file system and time are
// those of its header.
std::unique_ptr<SnapshotSink> snapshot_sink(SnapshotOutput&, const PackOptions&, BegunSnapshot);

// How many buffers of 1 MiB a source may use beside a sink with this budget.
size_t source_buffers(const PackOptions&);

}  // namespace hx
