#pragma once
// Packed chunks into the bytes of a snapshot: frames, index pages, machine files, directory, seek table. No threads and
// no compression: see chunk_packer and snapshot_sink.

#include <mutex>

#include "hash/digest_tree.h"
#include "io/buffer_pool.h"
#include "snapshot/mirn_header.h"
#include "snapshot/mirn_index.h"
#include "snapshot/snapshot_output.h"
#include "snapshot/written_prefix.h"

namespace hx {

// One chunk, or a run of zero chunks of any length, ready to be written.
struct PackedChunk {
  Range extent;
  Kind kind = Kind::kZero;
  Buffer frame;  // kData
  uint64_t xxh3 = 0;
  Digest leaf;
  std::optional<uint32_t> content_check = {};  // low 32 bits of XXH64 of the content, where the packer itself read it
  std::vector<MapEntry> extents = {};          // of a delta, see Chunk
  std::optional<Digest> result = {};
};

struct PackTotals {
  uint64_t size = 0, data_bytes = 0, zero_bytes = 0, file_bytes = 0;
  DiskKind kind = DiskKind::kFull;
  Digest tree;                   // identity of the digest tree; of a delta that of its entries
  std::optional<Digest> result;  // identity of the tree of the disk with it, where it is known
  std::optional<Digest> image_digest;
  bool sealed = false;
  std::string state, parent_state;
};

// Up to where a snapshot is so far that another run can go on.
struct SealPoint {
  uint64_t from = 0;      // of the image: all before it is in the file
  uint64_t file_end = 0;  // where the last index page ends
  Digest tree;            // identity of the digest tree over [0, from), as of a disk of that size
};

// One snapshot. One thread, but for seal(): any.
class SnapshotWriter {
 public:
  SnapshotWriter(SnapshotOutput&, SnapshotHeader header);

  // The header so far (unsealed) goes to the output: before the first add().
  Status start(std::string filesystem);
  // Instead of start(): the output stands at written.end().
  Status go_on(const WrittenPrefix& written);
  // In ascending order, without gaps; in a delta at most one of each chunk.
  Status add(PackedChunk);
  // Ends the group of frames, and gives all to the system. Not after finish().
  Result<SealPoint> seal();
  // What is missing until the file is complete. size: of the image, now known for sure.
  // result: of a delta, identity of the tree of the disk with it, if it is known.
  Result<PackTotals> finish(uint64_t size, const std::optional<Digest>& image_digest,
                            const std::vector<MachineFile>& files, const std::optional<Digest>& result = {});

 private:
  bool is_delta() const { return shape_.layout == IndexLayout::kDelta; }
  Status add_chunk(PackedChunk);
  Status add_part(PackedChunk);
  Status flush_zeros();
  void add_zero_leaves(uint64_t length);
  Status add_zero_frame(Range);
  Status add_frame(FrameEntry, ByteSpan frame);
  Status flush_page();
  Status write_metadata_frame(std::string_view frame);
  Status write_seek_table();

  std::mutex mutex_;     // of all that follows, between seal() and the others
  bool failed_ = false;  // nothing can be sealed any more
  SnapshotOutput& output_;
  SnapshotHeader header_;
  const IndexShape shape_;  // its size only counts in a delta: of others it may not be known yet
  size_t header_size_ = 0;
  DigestTree tree_;
  EntriesDigest entries_;  // instead of the tree, of a delta
  Range zeros_;            // a run not yet written
  IndexPage page_;         // the group so far
  uint32_t page_extents_ = 0;
  Directory directory_;
  uint64_t position_ = 0;  // in the body
  uint64_t end_ = 0;       // of the image, as far as it was added
  std::vector<std::byte> full_zero_frame_;
  // The seek table's entries: 8 bytes a frame until the end, so 8 MiB for 1 TiB of data.
  std::vector<uint64_t> seek_entries_;
};

}  // namespace hx
