#pragma once
// The bytes of a MIRN snapshot, versions 1 and 2. The specification is mirn(5); this is its arithmetic.
//
//   0        HeaderPrefix, JSON of metadata_length bytes (padded with spaces)          the header
//   body     groups: up to 1024 frames, then their index page                           offsets in the index count from
//   here
//            machine files, one skippable frame each
//            directory, a skippable frame whose last 32 bytes are a DirectoryTail
//            seek table, the standard zstd one, the last frame
// In version 2 a frame with its extents stands before each frame of the image; in a delta those of zeros stand alone.

#include "base/endian.h"
#include "extent/extent.h"

namespace hx::mirn {

constexpr char kMagic[4] = {'M', 'I', 'R', 'N'};
constexpr uint32_t kVersion = 1, kVersion2 = 2;
constexpr uint32_t kMaxMetadata = 1 << 20;

struct HeaderPrefix {
  char magic[4];
  Be32 version;
  Be32 metadata_length;
};
static_assert(sizeof(HeaderPrefix) == 12);

constexpr uint64_t kMinChunkSize = 64 * kKiB, kMaxChunkSize = 4 * kMiB, kDefaultChunkSize = kMiB;
constexpr bool is_chunk_size(uint64_t size) {
  return size >= kMinChunkSize && size <= kMaxChunkSize && (size & (size - 1)) == 0;
}

// Skippable frames.
constexpr uint32_t kMachineFileMagic = 0x184D2A5A;  // its content is the file's
constexpr uint32_t kExtentsMagic = 0x184D2A5B;
constexpr uint32_t kPageMagic = 0x184D2A5C;
constexpr uint32_t kDirectoryMagic = 0x184D2A5D;
struct SkippableHeader {
  Le32 magic, content_size;
};
static_assert(sizeof(SkippableHeader) == 8);

// An index page describes the frames right before it. A group ends at either limit.
constexpr uint32_t kMaxPageEntries = 1024;
constexpr uint64_t kMaxGroupBytes = 256 * kMiB;  // compressed
constexpr char kPageTag[8] = {'H', 'X', 'M', 'P', 'A', 'G', 'E', '1'};
struct PageHeader {
  char tag[8];
  Le32 number;       // 0, 1, …
  Le32 entry_count;  // 1 to kMaxPageEntries
  Le64 first_frame;  // offset in the body of the group's first frame; the frames follow each other up to this page
};
static_assert(sizeof(PageHeader) == 24);
struct PageEntry {
  Le32 compressed_size;
  Le16 extent_count;  // 1, but in a delta
  uint8_t kind;       // of the frame: 0 data, 1 zero
  uint8_t flags;      // 0, but in a delta
  Le64 xxh3;          // XXH3-64 of the frame's bytes
  Digest leaf;        // SHA-256 of the content; all zero bytes in a zero frame
};
static_assert(sizeof(PageEntry) == 48);
constexpr uint8_t kHasResult = 1;  // flag: behind the extents stands the digest of the whole chunk, as it is then
struct PageExtent {                // extent_count of them behind each entry
  Le64 offset;
  Le32 length;
  Le32 kind;
};
static_assert(sizeof(PageExtent) == 16);
// A page ends with a Le64: XXH3-64 of the frame's bytes from its magic up to there.
constexpr uint64_t kMaxPageContent =
    sizeof(PageHeader) + kMaxPageEntries * (sizeof(PageEntry) + sizeof(PageExtent)) + 8;

// Version 2. A chunk of 4 MiB in sectors of 512 bytes, every other one changed, has 4096 extents.
constexpr uint32_t kMaxExtents = 8192;       // of an entry
constexpr uint32_t kMaxPageExtents = 16384;  // a group ends with the entry that reaches this
constexpr uint64_t kMaxEntry = sizeof(PageEntry) + kMaxExtents * sizeof(PageExtent) + sizeof(Digest);
constexpr uint64_t kMaxExtentsContent = kMaxEntry + 8;  // of a kExtentsMagic frame: an entry, XXH3-64 of all before
constexpr uint64_t kMaxPageContent2 = sizeof(PageHeader) + kMaxPageEntries * (sizeof(PageEntry) + sizeof(Digest)) +
                                      (kMaxPageExtents + kMaxExtents) * sizeof(PageExtent) + 8;

constexpr char kDirectoryTag[8] = {'H', 'X', 'M', 'D', 'I', 'R', '0', '1'};
constexpr uint32_t kHasImageDigest = 1;  // flag: image_digest was computed
constexpr uint32_t kHasResultTree = 2;   // flag of version 2: result is known
constexpr uint32_t kIsDelta = 4;         // flag of version 2
struct DirectoryHeader {
  char tag[8];
  Le32 flags;
  Le32 chunk_size;
  Le64 size;              // of the image
  Le64 frame_count;       // data and zero frames
  Le64 data_bytes;        // of the image, in data frames
  Le64 data_frame_bytes;  // their compressed size
  Digest header_digest;   // SHA-256 of the header in its unsealed form (mirn_header.h)
  Digest image_digest;
  Digest tree;                    // the tree's identity (hash/digest_tree.h); of a delta that of its entries
  Le32 page_count, files_length;  // then page_count PageRefs, then files_length bytes of JSON
};
static_assert(sizeof(DirectoryHeader) == 8 + 8 + 32 + 96 + 8);
constexpr char kDirectoryTag2[8] = {'H', 'X', 'M', 'D', 'I', 'R', '0', '2'};
struct DirectoryMore {  // version 2: right behind the DirectoryHeader
  Le64 zero_bytes;      // of the image, in zero extents
  Digest result;        // identity of the tree of the disk with this delta in it
};
static_assert(sizeof(DirectoryMore) == 40);
struct PageRef {
  Le64 offset;  // of the page's frame, in the body
  Le64 begin;   // of the image, where the group's first extent begins
  Le32 size;    // of the page's frame
  Le32 entry_count;
  Le64 xxh3;  // of the page's frame
};
static_assert(sizeof(PageRef) == 32);
constexpr char kTailMagic[8] = {'H', 'X', 'I', 'D', 'X', 'E', 'N', 'D'};
struct DirectoryTail {
  Le64 offset;  // of the directory's frame, in the body
  Le64 page_count;
  Le64 xxh3;  // XXH3-64 of the directory's frame from its magic up to here
  char magic[8];
};
static_assert(sizeof(DirectoryTail) == 32);
constexpr uint64_t kMaxDirectoryContent = 64 * kMiB;
constexpr uint64_t kMaxPages = (kMaxDirectoryContent - 2 * kMiB) / sizeof(PageRef);
constexpr uint64_t kMaxMachineFile = 16 * kMiB, kMaxMachineFiles = 64 * kMiB, kMaxMachineFileCount = 1024;
constexpr uint64_t kMaxFileList = kMiB;  // the JSON in the directory

}  // namespace hx::mirn
