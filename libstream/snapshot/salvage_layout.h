#pragma once
// Where the parts of a damaged snapshot are. Each part of the index tells of the others, so that what one has lost is
// read from the rest: hx-restore(1), Damage.

#include <optional>
#include <span>
#include <vector>

#include "codec/seek_table.h"
#include "io/byte_io.h"
#include "snapshot/mirn_header.h"
#include "snapshot/mirn_index.h"

namespace hx {

// Frames that follow each other, and the page behind them that describes them.
struct FrameGroup {
  uint32_t number = 0;
  Range frames;                               // in the body
  Range image;                                // what they hold
  std::optional<Range> page;                  // in the body; nullopt: not found
  std::optional<uint64_t> page_xxh3;          // what an intact directory says of it
  uint32_t entry_count = 0;                   // 0: not known
  std::span<const SeekTableEntry> seek = {};  // of these frames; empty: not known
  bool seek_is_proven = false;                // their sizes add up to both ranges
};

struct SalvageLayout {
  uint64_t file_size = 0, body_offset = 0, size = 0;  // body_offset: what a header can have, mirn::kMaxMetadata
  uint32_t chunk_size = 0;                            // 0: a plain snapshot, which has no grid
  uint64_t body_end = 0;                              // in the body: where the directory's frame ends, or the file
  std::optional<SnapshotHeader> header;               // as far as it can be parsed: nothing of it is proven
  std::optional<Directory> directory;                 // intact, and of this header where there is one
  std::vector<SeekTableEntry> seek;                   // as it stands in the file
  std::vector<FrameGroup> groups;
  std::vector<uint64_t> foreign_frames;  // checksums of data that pages of another snapshot name, sorted
};

// Reads the index, and where the directory is damaged all of the file once. A directory that is not of the header that
// is there, the end of another snapshot over ours, is not believed, nor are the pages that it names. kDamaged: so much
// is lost that not even the size of the disk, or where its frames begin, is said twice.
Result<SalvageLayout> find_layout(const RandomReader&);

// The bytes of a group's page, where it is inside the file; and the page, if it is as it was written.
Result<std::vector<std::byte>> page_bytes(const RandomReader&, const SalvageLayout&, const FrameGroup&);
std::optional<IndexPage> intact_page(ByteSpan bytes, const SalvageLayout&, const FrameGroup&);

}  // namespace hx
