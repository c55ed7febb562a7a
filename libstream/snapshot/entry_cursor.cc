#include "snapshot/entry_cursor.h"

namespace hx {

Result<const FrameEntry*> EntryCursor::at_or_behind(uint64_t offset) {
  for (;;) {
    if (page_) {
      const std::vector<FrameEntry>& entries = page_->entries;
      while (entry_ < entries.size() && entries[entry_].extent.end() <= offset) ++entry_;
      if (entry_ < entries.size()) return &entries[entry_];
    }
    const std::vector<mirn::PageRef>& pages = snapshot_->directory().pages;
    // The last page that begins at or before the offset: those before it have nothing to say.
    while (next_page_ + 1 < pages.size() && pages[next_page_ + 1].begin <= offset) ++next_page_;
    if (next_page_ >= pages.size()) return nullptr;
    page_ = HX_TRY(snapshot_->page(next_page_++));
    entry_ = 0;
  }
}

ChunkLeaf leaf_of(const FrameEntry* entry, const Range& chunk, const IndexShape& shape) {
  if (!entry || entry->extent.offset >= chunk.end()) return {ChunkLeaf::Known::kAbsent};
  if (entry->result) return {ChunkLeaf::Known::kLeaf, *entry->result};
  if (!is_whole(*entry, shape)) return {ChunkLeaf::Known::kUnknown};
  if (entry->kind == Kind::kZero) return {ChunkLeaf::Known::kZero};
  return {ChunkLeaf::Known::kLeaf, entry->leaf};
}

}  // namespace hx
