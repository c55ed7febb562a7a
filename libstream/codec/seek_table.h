#pragma once
// The seek table of the zstd seekable format (zstd's contrib/seekable_format/zstd_seekable_compression_format.md): a
// skippable frame with an entry for every frame before it, at the end of the file. Written without checksums.

#include "base/endian.h"

namespace hx {

constexpr uint32_t kSeekTableMagic = 0x184D2A5E;   // of the skippable frame
constexpr uint32_t kSeekFooterMagic = 0x8F92EAB1;  // the last four bytes
constexpr uint64_t kMaxSeekTableFrames = 0x8000000;

struct SeekTableEntry {
  Le32 compressed_size, decompressed_size;
};
struct SeekTableFooter {
  Le32 frame_count;
  uint8_t descriptor = 0;  // no checksums
  Le32 magic = kSeekFooterMagic;
};
static_assert(sizeof(SeekTableEntry) == 8 && sizeof(SeekTableFooter) == 9);

// Of the skippable frame, with its 8 bytes of header.
inline uint64_t seek_table_size(uint64_t frame_count) {
  return 8 + frame_count * sizeof(SeekTableEntry) + sizeof(SeekTableFooter);
}

}  // namespace hx
