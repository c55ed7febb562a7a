#pragma once
// What must hold between the parts of an index, whichever way they were read: by place (snapshot_reader) or in sequence
// (indexed_source).

#include "hash/digest_tree.h"
#include "snapshot/mirn_header.h"
#include "snapshot/mirn_index.h"
#include "snapshot/seek_table_check.h"

namespace hx {

// Header and directory belong together, and the header is as it was written (or sealed later). Errors begin "at N: ".
Status check_header_against(const SnapshotHeader&, const Directory&);

// Pages in order; then finish(), then the seek table can be checked. Errors have no object. Constant memory. One
// thread.
class IndexCheck {
 public:
  explicit IndexCheck(IndexShape);
  // ref: how the directory describes, or must describe, this page.
  Status add_page(const IndexPage&, const mirn::PageRef& ref);
  // All pages were added: the disk is covered; counts, pages and digest tree are the directory's.
  Status finish(const Directory&, uint64_t directory_frame_size);
  SeekTableCheck& seek_table() { return seek_table_; }  // after finish(): knows every frame

 private:
  void add_leaves(const FrameEntry&);
  bool is_delta() const { return shape_.layout == IndexLayout::kDelta; }

  const IndexShape shape_;
  DigestTree tree_;
  EntriesDigest entries_;  // instead of the tree, of a delta
  SeekTableCheck seek_table_;
  Xxh3 refs_;
  uint32_t page_count_ = 0;
  uint64_t end_ = 0, position_ = 0, frame_count_ = 0, data_bytes_ = 0, zero_bytes_ = 0, data_frame_bytes_ = 0;
};

}  // namespace hx
