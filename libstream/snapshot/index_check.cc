#include "snapshot/index_check.h"

#include <cstring>

#include "base/checked_math.h"
#include "hash/sha256.h"

namespace hx {

Status check_header_against(const SnapshotHeader& header, const Directory& directory) {
  const std::string unsealed = unsealed_form(header.bytes);
  if (unsealed.empty() || Sha256::of(as_bytes(unsealed)) != directory.header_digest)
    return damaged("at 0: the header is not the one that the directory describes");
  if (header.size != directory.size || header.hx->chunk_size != directory.chunk_size ||
      header.version != directory.version || header.hx->kind != directory.kind)
    return damaged("at 0: the header contradicts the directory");
  if (!header.has_checksum) return {};
  const bool sealed = header.hx->sealed;
  const std::string seal = sealed ? seal_of(directory.tree, header.checksum) : std::string(16, '0');
  const bool checksum_fits =
      sealed ? !directory.image_digest || header.checksum == *directory.image_digest : header.checksum == Digest{};
  if (header.hx->seal != seal || !checksum_fits)
    return damaged("at 12: checksum mismatch: the header's checksum is not the one that was sealed");
  return {};
}

IndexCheck::IndexCheck(IndexShape shape) : shape_(shape), tree_(shape.chunk_size), entries_(shape) {}

void IndexCheck::add_leaves(const FrameEntry& entry) {
  data_bytes_ += entry.bytes_of(Kind::kData);
  zero_bytes_ += entry.bytes_of(Kind::kZero);
  if (entry.kind == Kind::kData) data_frame_bytes_ += entry.compressed_size;
  if (is_delta()) return entries_.add(entry);
  if (entry.kind == Kind::kData) return tree_.add(entry.leaf);
  tree_.add_zero_chunks(entry.extent.length / shape_.chunk_size);
  if (entry.extent.length % shape_.chunk_size != 0) tree_.add(zero_leaf(entry.extent.length % shape_.chunk_size));
}

Status IndexCheck::add_page(const IndexPage& page, const mirn::PageRef& ref) {
  // In a delta the first entry must not be of the last chunk before it.
  const uint64_t due = is_delta() ? divide_round_up(end_, shape_.chunk_size) * shape_.chunk_size : end_;
  if (page.number != page_count_ || page.first_frame != position_ || page.begin() < due ||
      (!is_delta() && page.begin() != due))
    return damaged("index page " + std::to_string(page.number) + " does not follow the one before");
  if (ref.offset != page.frames_end())
    return damaged("index page " + std::to_string(page.number) + " is not right behind its frames");
  for (const FrameEntry& entry : page.entries) {
    // Only the disk's last extent may end off the grid; decode_page() has seen to the rest.
    add_leaves(entry);
    if (entry.extents_size > 0) seek_table_.add_frame(entry.extents_size, 0);
    const uint64_t content = is_delta() ? entry.content_size() : entry.extent.length;
    if (entry.compressed_size > 0) seek_table_.add_frame(entry.compressed_size, content);
  }
  frame_count_ += page.entries.size();
  end_ = page.end();
  position_ = page.frames_end() + ref.size;
  seek_table_.add_frame(ref.size, 0);
  refs_.update(struct_bytes(ref));
  ++page_count_;
  return {};
}

Status IndexCheck::finish(const Directory& directory, uint64_t directory_frame_size) {
  for (const DirectoryFile& file : directory.files) {
    const uint64_t size = sizeof(mirn::SkippableHeader) + file.size;
    seek_table_.add_frame(size, 0);
    position_ += size;
  }
  seek_table_.add_frame(directory_frame_size, 0);
  Xxh3 refs;
  for (const mirn::PageRef& ref : directory.pages) refs.update(struct_bytes(ref));
  if (!is_delta() && end_ != shape_.size) return damaged("the index does not cover the disk");
  if (directory.position != position_ || directory.pages.size() != page_count_ || refs.digest() != refs_.digest() ||
      directory.frame_count != frame_count_ || directory.data_bytes != data_bytes_ ||
      directory.data_frame_bytes != data_frame_bytes_ ||
      (directory.version != mirn::kVersion && directory.zero_bytes != zero_bytes_))
    return damaged("the directory does not match the index pages");
  if ((is_delta() ? entries_.finish() : tree_.identity(shape_.size)) != directory.tree)
    return damaged("the digest tree does not match the directory");
  return {};
}

}  // namespace hx
