#pragma once
// What an earlier run has sealed of a snapshot that is not complete: header, groups of frames, each with its index
// page.

#include <functional>
#include <memory>

#include "io/byte_io.h"
#include "snapshot/mirn_header.h"
#include "snapshot/mirn_index.h"

namespace hx {

// Header and pages have been read and checked, frames are when they are used. One thread. Memory: 32 bytes a page.
class WrittenPrefix {
 public:
  // end: of the last index page, in the file. The pages are found from there backwards: each says where its group
  // begins, and there the page before it ends. kDamaged: the file is not what was sealed.
  static Result<WrittenPrefix> read(std::shared_ptr<const RandomReader>, uint64_t end);

  const SnapshotHeader& header() const { return header_; }
  const std::vector<mirn::PageRef>& pages() const { return pages_; }
  Result<IndexPage> page(const mirn::PageRef&) const;
  uint64_t end() const { return end_; }    // of the last page, in the file
  uint64_t from() const { return from_; }  // of the image: all before it is in the prefix

  // The content of [begin, from()), in order, frame by frame; begin lies on a chunk's border. Data is decoded into
  // `content`, which is valid during the call.
  using Take = std::function<Status(const FrameEntry&, ByteSpan content)>;
  Status read_content(uint64_t begin, const Take&) const;

 private:
  explicit WrittenPrefix(std::shared_ptr<const RandomReader> file) : file_(std::move(file)) {}
  IndexShape shape() const { return {header_.size, header_.hx->chunk_size}; }
  Error bad(uint64_t position, const std::string& what) const;
  Result<mirn::PageRef> page_before(uint64_t position, uint32_t& number, uint64_t& first_frame) const;

  std::shared_ptr<const RandomReader> file_;
  SnapshotHeader header_;
  std::vector<mirn::PageRef> pages_;
  uint64_t end_ = 0, from_ = 0;
};

}  // namespace hx
