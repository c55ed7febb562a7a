// Frames, and any bytes as their seek table, in pieces: exactly the one right table is accepted.
//   u8 count, u8 first piece, count x (u32 compressed, u32 decompressed), table

#include <algorithm>

#include "codec/seek_table.h"
#include "codec/zstd_frame.h"
#include "fuzz/require.h"
#include "snapshot/seek_table_check.h"

using namespace hx;

namespace {

bool accepts(ByteSpan entries, ByteSpan table, size_t first_piece) {
  SeekTableCheck check;
  for (; !entries.empty(); entries = entries.subspan(sizeof(SeekTableEntry))) {
    const auto entry = load_struct<SeekTableEntry>(entries);
    check.add_frame(entry.compressed_size, entry.decompressed_size);
  }
  first_piece = std::min(table.size(), first_piece);
  check.update(table.first(first_piece));
  check.update(table.subspan(first_piece));
  return check.finish().ok();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  if (size < 2 || size < 2 + bytes[0] * sizeof(SeekTableEntry)) return 0;
  const std::string_view entries = text.substr(2, bytes[0] * sizeof(SeekTableEntry)),
                         table = text.substr(2 + entries.size());
  struct {
    Le32 magic = kSeekTableMagic, content_size;
  } header;
  header.content_size = static_cast<uint32_t>(entries.size() + sizeof(SeekTableFooter));
  SeekTableFooter footer;
  footer.frame_count = bytes[0];
  std::string right(as_text(struct_bytes(header)));
  right += entries;
  right += as_text(struct_bytes(footer));
  const size_t first_piece = std::max<size_t>(bytes[1], kSkippableHeaderSize);
  require(accepts(as_bytes(entries), as_bytes(table), first_piece) == (table == right), "only the right table");
  require(accepts(as_bytes(entries), as_bytes(right), first_piece), "and that always");
  return 0;
}
