#pragma once
// The index of a MIRN snapshot: pages and directory, between bytes and values. mirn(5), INDEX.

#include <vector>

#include "base/result.h"
#include "snapshot/mirn_format.h"

namespace hx {

// One frame of the body, as an index page tells it.
struct FrameEntry {
  uint64_t position = 0;  // of the frame, in the body; not stored: it follows from the sizes before
  uint32_t compressed_size = 0;
  Kind kind = Kind::kData;
  Range extent;  // of the image
  uint64_t xxh3 = 0;
  Digest leaf;  // of a data frame
};

struct IndexPage {
  uint32_t number = 0;
  uint64_t first_frame = 0;  // in the body
  std::vector<FrameEntry> entries;
  uint64_t begin() const { return entries.front().extent.offset; }
  uint64_t end() const { return entries.back().extent.end(); }
  uint64_t frames_end() const { return entries.back().position + entries.back().compressed_size; }
};

struct DirectoryFile {
  std::string name;
  uint64_t size = 0;
  Digest digest;
};

struct Directory {
  uint64_t position = 0;  // of its frame, in the body
  uint32_t chunk_size = 0;
  uint64_t size = 0, frame_count = 0, data_bytes = 0, data_frame_bytes = 0;
  Digest header_digest;
  std::optional<Digest> image_digest;
  Digest tree;
  std::vector<mirn::PageRef> pages;
  std::vector<DirectoryFile> files;  // machine files, in the order of their frames
};

// What the frames are checked against, page after page: the grid, tiling, and the sizes that kinds imply.
struct IndexShape {
  uint64_t size;  // of the image
  uint32_t chunk_size;
};

std::string encode_page(const IndexPage&);  // a whole skippable frame
// What the directory says of a page that lies at this position of the body, as encode_page() gave it.
mirn::PageRef ref_of_page(const IndexPage&, uint64_t position, std::string_view encoded);
std::string encode_directory(const Directory&);  // a whole skippable frame
std::string encode_machine_file(std::string_view content);

// From whole frames. Errors have no object: the caller adds it.
Result<IndexPage> decode_page(ByteSpan frame, const IndexShape&);
Result<Directory> decode_directory(ByteSpan frame);
// The list of machine files, of a directory that is otherwise damaged.
Result<std::vector<DirectoryFile>> decode_files(std::string_view text);

}  // namespace hx
