#pragma once
// The index of a MIRN snapshot: pages and directory, between bytes and values. mirn(5), INDEX.

#include <vector>

#include "base/result.h"
#include "extent/extent_list.h"
#include "hash/sha256.h"
#include "snapshot/mirn_format.h"

namespace hx {

// One frame of the body, as an index page tells it.
struct FrameEntry {
  uint64_t position = 0;         // of the frame, in the body; not stored: it follows from the sizes before
  uint32_t extents_size = 0;     // version 2: of the frame with its extents, right before it
  uint32_t compressed_size = 0;  // 0: of zeros in a delta
  Kind kind = Kind::kData;
  Range extent;  // of the image: from the first of the extents to the end of the last
  uint64_t xxh3 = 0;
  Digest leaf;  // of a data frame
  // In a delta: data and zero, ascending; the frame's content is the bytes of those that are data. Empty: one extent,
  // which is all of `extent`.
  std::vector<MapEntry> extents = {};
  std::optional<Digest> result = {};  // of a delta: of the whole chunk with these extents in it, where it is known
  bool operator==(const FrameEntry&) const = default;

  uint64_t begin() const { return position - extents_size; }  // in the body
  uint64_t end() const { return position + compressed_size; }
  uint64_t bytes_of(Kind) const;
  uint64_t content_size() const { return bytes_of(Kind::kData); }
};

struct IndexPage {
  uint32_t number = 0;
  uint64_t first_frame = 0;  // in the body
  std::vector<FrameEntry> entries;
  uint64_t begin() const { return entries.front().extent.offset; }
  uint64_t end() const { return entries.back().extent.end(); }
  uint64_t frames_end() const { return entries.back().end(); }
};

struct DirectoryFile {
  std::string name;
  uint64_t size = 0;
  Digest digest;
};

struct Directory {
  uint64_t position = 0;  // of its frame, in the body
  uint32_t version = mirn::kVersion;
  DiskKind kind = DiskKind::kFull;
  uint32_t chunk_size = 0;
  uint64_t size = 0, frame_count = 0, data_bytes = 0, data_frame_bytes = 0;
  Digest header_digest;
  std::optional<Digest> image_digest;
  Digest tree;                     // identity of the digest tree; of a delta that of its entries
  uint64_t zero_bytes = 0;         // version 2
  std::optional<Digest> result{};  // of a delta: identity of the tree of the disk with it, where it is known
  std::vector<mirn::PageRef> pages;
  std::vector<DirectoryFile> files;  // machine files, in the order of their frames
};

enum class IndexLayout : uint8_t { kVersion1, kFull, kDelta };  // the latter two: version 2

// What the frames are checked against, page after page: the grid, tiling (but in a delta), and the sizes that kinds
// imply.
struct IndexShape {
  uint64_t size;  // of the image
  uint32_t chunk_size;
  IndexLayout layout = IndexLayout::kVersion1;
};
IndexLayout layout_of(uint32_t version, DiskKind);

std::string encode_page(const IndexPage&);  // a whole skippable frame
// What the directory says of a page that lies at this position of the body, as encode_page() gave it.
mirn::PageRef ref_of_page(const IndexPage&, uint64_t position, std::string_view encoded);
std::string encode_directory(const Directory&);  // a whole skippable frame
std::string encode_machine_file(std::string_view content);
// Version 2: the frame before a frame: its entry, so that both can be used without their page.
std::string encode_extents(const FrameEntry&);
uint32_t extents_frame_size(const FrameEntry&);

// From whole frames. Errors have no object: the caller adds it.
Result<IndexPage> decode_page(ByteSpan frame, const IndexShape&);
Result<Directory> decode_directory(ByteSpan frame);
Result<FrameEntry> decode_extents(ByteSpan frame, const IndexShape&);  // position is not known
// The list of machine files, of a directory that is otherwise damaged.
Result<std::vector<DirectoryFile>> decode_files(std::string_view text);

// One form of a list: what could be said with less is not said. Of an entry with one extent, a result that follows.
void normalize(FrameEntry&, std::vector<MapEntry> extents, const IndexShape&);
// Whether it is a whole chunk of data, or whole chunks of zeros.
bool is_whole(const FrameEntry&, const IndexShape&);

// The identity of a delta: of all its entries, in order. One thread.
class EntriesDigest {
 public:
  explicit EntriesDigest(const IndexShape&);
  void add(const FrameEntry&);
  Digest finish() { return hasher_.finish(); }

 private:
  Sha256 hasher_;
};

}  // namespace hx
