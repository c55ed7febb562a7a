// Frames, and any bytes as their seek table, in pieces: exactly the one right table is accepted.
//   u8 count, u8 first piece, count x (u32 compressed, u32 decompressed), table

#include <algorithm>

#include "codec/seek_table.h"
#include "codec/zstd_frame.h"
#include "fuzz/target.h"
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

static void fuzz(std::string_view text) {
  if (text.size() < 2) return;
  const auto count = static_cast<uint8_t>(text[0]), first = static_cast<uint8_t>(text[1]);
  if (text.size() < 2 + count * sizeof(SeekTableEntry)) return;
  const std::string_view entries = text.substr(2, count * sizeof(SeekTableEntry)),
                         table = text.substr(2 + entries.size());
  struct {
    Le32 magic = kSeekTableMagic, content_size;
  } header;
  header.content_size = static_cast<uint32_t>(entries.size() + sizeof(SeekTableFooter));
  SeekTableFooter footer;
  footer.frame_count = count;
  std::string right(as_text(struct_bytes(header)));
  right += entries;
  right += as_text(struct_bytes(footer));
  const size_t first_piece = std::max<size_t>(first, kSkippableHeaderSize);
  require(accepts(as_bytes(entries), as_bytes(table), first_piece) == (table == right), "only the right table");
  require(accepts(as_bytes(entries), as_bytes(right), first_piece), "and that always");
}
