#include "snapshot/seek_table_check.h"

#include <algorithm>

#include "codec/seek_table.h"
#include "codec/zstd_frame.h"

namespace hx {

void SeekTableCheck::add_frame(uint64_t compressed_size, uint64_t decompressed_size) {
  SeekTableEntry entry;
  entry.compressed_size = static_cast<uint32_t>(compressed_size);
  entry.decompressed_size = static_cast<uint32_t>(decompressed_size);
  expected_.update(struct_bytes(entry));
  ++count_;
}

bool SeekTableCheck::is_due() const { return count_ <= kMaxSeekTableFrames; }
uint64_t SeekTableCheck::size() const { return is_due() ? seek_table_size(count_) : 0; }

// The skippable header stands before the entries: it is compared here, the rest by digest.
void SeekTableCheck::update(ByteSpan bytes) {
  if (seen_ == 0 && bytes.size() >= kSkippableHeaderSize) {
    const bool right = load_struct<Le32>(bytes) == kSeekTableMagic &&
                       load_struct<Le32>(bytes.subspan(4)) == seek_table_size(count_) - kSkippableHeaderSize;
    seen_ += kSkippableHeaderSize;
    bytes = bytes.subspan(kSkippableHeaderSize);
    if (!right) actual_.update(as_bytes("a wrong header"));
  }
  actual_.update(bytes);
  seen_ += bytes.size();
}

Status SeekTableCheck::finish() {
  SeekTableFooter footer;
  footer.frame_count = static_cast<uint32_t>(count_);
  expected_.update(struct_bytes(footer));
  if (seen_ != size() || expected_.digest() != actual_.digest())
    return damaged("the seek table does not match the index");
  return {};
}

}  // namespace hx
