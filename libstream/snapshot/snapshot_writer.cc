#include "snapshot/snapshot_writer.h"

#include <algorithm>

#include "base/checked_math.h"
#include "codec/seek_table.h"
#include "codec/zero_frame.h"
#include "codec/zstd_frame.h"
#include "hash/sha256.h"
#include "hash/xxh3.h"

namespace hx {

SnapshotWriter::SnapshotWriter(SnapshotOutput& output, SnapshotHeader header)
    : output_(output),
      header_(std::move(header)),
      shape_{header_.size, header_.hx->chunk_size, layout_of(header_.version, header_.hx->kind)},
      tree_(header_.hx->chunk_size),
      entries_(shape_) {
  directory_.chunk_size = header_.hx->chunk_size;
  directory_.version = header_.version;
  directory_.kind = header_.hx->kind;
}

Status SnapshotWriter::start(std::string filesystem) {
  header_.filesystem = std::move(filesystem);
  const std::string bytes = encode_header(header_);
  header_size_ = bytes.size();
  if (header_size_ > sizeof(mirn::HeaderPrefix) + mirn::kMaxMetadata)
    return unsupported("name, state and change token of the disk do not fit a snapshot's header");
  return output_.start(bytes);
}

Status SnapshotWriter::go_on(const WrittenPrefix& written) {
  header_size_ = written.header().bytes.size();
  for (const mirn::PageRef& ref : written.pages()) {
    for (const FrameEntry& entry : HX_TRY(written.page(ref)).entries) {
      if (entry.kind == Kind::kZero) {
        add_zero_leaves(entry.extent.length);
        directory_.zero_bytes += entry.extent.length;
      } else {
        tree_.add(entry.leaf);
        directory_.data_bytes += entry.extent.length;
        directory_.data_frame_bytes += entry.compressed_size;
      }
      seek_entries_.push_back(entry.extent.length << 32 | entry.compressed_size);
      ++directory_.frame_count;
    }
    directory_.pages.push_back(ref);
    seek_entries_.push_back(ref.size);
  }
  position_ = written.end() - header_size_;
  end_ = written.from();
  return {};
}

Status SnapshotWriter::add(PackedChunk chunk) {
  std::lock_guard lock(mutex_);
  Status added = add_chunk(std::move(chunk));
  failed_ |= !added.ok();
  return added;
}

Result<SealPoint> SnapshotWriter::seal() {
  std::lock_guard lock(mutex_);
  if (failed_) return bug("what could not be written cannot be sealed");
  Status flushed = flush_zeros();
  if (flushed) flushed = flush_page();
  if (flushed) flushed = output_.flush();
  failed_ |= !flushed.ok();
  HX_TRY(std::move(flushed));
  return SealPoint{end_, header_size_ + position_, tree_.identity(end_)};
}

Status SnapshotWriter::add_chunk(PackedChunk chunk) {
  end_ = chunk.extent.end();
  if (is_delta()) return add_part(std::move(chunk));
  if (chunk.kind == Kind::kZero) {
    if (zeros_.length == 0) zeros_.offset = chunk.extent.offset;
    zeros_.length += chunk.extent.length;
    return {};
  }
  HX_TRY(flush_zeros());
  tree_.add(chunk.leaf);
  FrameEntry entry;
  entry.compressed_size = static_cast<uint32_t>(chunk.frame.size());
  entry.kind = Kind::kData;
  entry.extent = chunk.extent;
  entry.xxh3 = chunk.xxh3;
  entry.leaf = chunk.leaf;
  return add_frame(std::move(entry), std::as_const(chunk.frame).bytes());
}

Status SnapshotWriter::add_part(PackedChunk chunk) {
  FrameEntry entry;
  entry.result = chunk.result;
  if (chunk.extents.empty()) chunk.extents = {{chunk.extent.offset, chunk.extent.length, chunk.kind}};
  normalize(entry, std::move(chunk.extents), shape_);
  if (entry.kind == Kind::kZero && is_whole(entry, shape_)) {
    if (zeros_.length > 0 && zeros_.end() != entry.extent.offset) HX_TRY(flush_zeros());
    if (zeros_.length == 0) zeros_.offset = entry.extent.offset;
    zeros_.length += entry.extent.length;
    return {};
  }
  HX_TRY(flush_zeros());
  if (entry.kind == Kind::kData) {
    entry.compressed_size = static_cast<uint32_t>(chunk.frame.size());
    entry.xxh3 = chunk.xxh3;
    entry.leaf = chunk.leaf;
  }
  return add_frame(std::move(entry), std::as_const(chunk.frame).bytes());
}

void SnapshotWriter::add_zero_leaves(uint64_t length) {
  const uint64_t chunk_size = directory_.chunk_size;
  tree_.add_zero_chunks(length / chunk_size);
  if (length % chunk_size != 0) tree_.add(zero_leaf(length % chunk_size));
}

// The leaves of a run, then its frames. Only the last run of a disk may end off the grid.
Status SnapshotWriter::flush_zeros() {
  if (!is_delta()) add_zero_leaves(zeros_.length);
  while (zeros_.length > 0) {
    const Range piece = {zeros_.offset, std::min(zeros_.length, kMaxZeroFrame)};
    HX_TRY(add_zero_frame(piece));
    zeros_ = {piece.end(), zeros_.length - piece.length};
  }
  return {};
}

Status SnapshotWriter::add_zero_frame(Range extent) {
  if (is_delta()) {
    FrameEntry entry;
    entry.kind = Kind::kZero;
    entry.extent = extent;
    return add_frame(std::move(entry), {});
  }
  const bool full = extent.length == kMaxZeroFrame;
  if (full && full_zero_frame_.empty()) full_zero_frame_ = make_zero_frame(kMaxZeroFrame);
  const std::vector<std::byte> other = full ? std::vector<std::byte>() : make_zero_frame(extent.length);
  const ByteSpan frame = full ? full_zero_frame_ : other;
  FrameEntry entry;
  entry.compressed_size = static_cast<uint32_t>(frame.size());
  entry.kind = Kind::kZero;
  entry.extent = extent;
  entry.xxh3 = xxh3_64(frame);
  return add_frame(entry, frame);
}

Status SnapshotWriter::add_frame(FrameEntry entry, ByteSpan frame) {
  if (page_.entries.empty()) page_.first_frame = position_;
  directory_.data_bytes += entry.bytes_of(Kind::kData);
  directory_.zero_bytes += entry.bytes_of(Kind::kZero);
  if (entry.kind == Kind::kData) directory_.data_frame_bytes += frame.size();
  if (is_delta()) entries_.add(entry);
  if (shape_.layout != IndexLayout::kVersion1) {
    const std::string extents = encode_extents(entry);
    entry.extents_size = static_cast<uint32_t>(extents.size());
    HX_TRY(write_metadata_frame(extents));
  }
  entry.position = position_;
  const uint64_t content = is_delta() ? entry.content_size() : entry.extent.length;
  page_extents_ += static_cast<uint32_t>(std::max<size_t>(entry.extents.size(), 1));
  page_.entries.push_back(std::move(entry));
  ++directory_.frame_count;
  if (!frame.empty()) {
    HX_TRY(output_.write(frame));
    position_ += frame.size();
    seek_entries_.push_back(content << 32 | frame.size());
  }
  const bool full = page_.entries.size() == mirn::kMaxPageEntries || page_extents_ >= mirn::kMaxPageExtents ||
                    position_ - page_.first_frame >= mirn::kMaxGroupBytes;
  return full ? flush_page() : Status();
}

Status SnapshotWriter::flush_page() {
  if (page_.entries.empty()) return {};
  if (directory_.pages.size() == mirn::kMaxPages) return unsupported("the disk is too large for its chunk size");
  page_.number = static_cast<uint32_t>(directory_.pages.size());
  const std::string frame = encode_page(page_);
  directory_.pages.push_back(ref_of_page(page_, position_, frame));
  page_.entries.clear();
  page_extents_ = 0;
  return write_metadata_frame(frame);
}

Status SnapshotWriter::write_metadata_frame(std::string_view frame) {
  HX_TRY(output_.write(as_bytes(frame)));
  position_ += frame.size();
  seek_entries_.push_back(frame.size());
  return {};
}

Status SnapshotWriter::write_seek_table() {
  const uint64_t count = seek_entries_.size();
  if (count > kMaxSeekTableFrames) return {};
  struct {
    Le32 magic, content_size;
  } header;
  header.magic = kSeekTableMagic;
  header.content_size = static_cast<uint32_t>(seek_table_size(count) - kSkippableHeaderSize);
  HX_TRY(output_.write(struct_bytes(header)));
  for (const uint64_t packed : seek_entries_) {
    SeekTableEntry entry;
    entry.compressed_size = static_cast<uint32_t>(packed);
    entry.decompressed_size = static_cast<uint32_t>(packed >> 32);
    HX_TRY(output_.write(struct_bytes(entry)));
  }
  SeekTableFooter footer;
  footer.frame_count = static_cast<uint32_t>(count);
  return output_.write(struct_bytes(footer));
}

Result<PackTotals> SnapshotWriter::finish(uint64_t size, const std::optional<Digest>& image_digest,
                                          const std::vector<MachineFile>& files, const std::optional<Digest>& result) {
  std::lock_guard lock(mutex_);
  failed_ = true;  // as far as seal() is concerned: what follows is no place to go on from
  HX_TRY(flush_zeros());
  HX_TRY(flush_page());
  for (const MachineFile& file : files) {
    directory_.files.push_back({file.name, file.content.size(), Sha256::of(as_bytes(file.content))});
    HX_TRY(write_metadata_frame(encode_machine_file(file.content)));
  }
  directory_.position = position_;
  directory_.size = size;
  directory_.tree = is_delta() ? entries_.finish() : tree_.identity(size);
  directory_.image_digest = image_digest;
  directory_.result = result;

  header_.size = size;
  const std::string unsealed = encode_header(header_, header_size_);
  const bool sealed = !header_.has_checksum || (image_digest && output_.seals());
  if (sealed && header_.has_checksum) {
    header_.checksum = *image_digest;
    header_.hx->sealed = true;
    header_.hx->seal = seal_of(directory_.tree, *image_digest);
  }
  const std::string header = encode_header(header_, header_size_);
  if (header.size() != header_size_) return bug("the header outgrew its place");
  directory_.header_digest = Sha256::of(as_bytes(unsealed));
  HX_TRY(write_metadata_frame(encode_directory(directory_)));
  HX_TRY(write_seek_table());
  HX_TRY(output_.finish(header));

  PackTotals totals;
  totals.size = size;
  totals.data_bytes = directory_.data_bytes;
  totals.zero_bytes = directory_.zero_bytes;
  totals.file_bytes = header_size_ + position_ +
                      (seek_entries_.size() > kMaxSeekTableFrames ? 0 : seek_table_size(seek_entries_.size()));
  totals.tree = directory_.tree;
  totals.result = is_delta() ? result : std::optional(directory_.tree);
  totals.image_digest = image_digest;
  totals.sealed = sealed;
  totals.state = header_.hx->state;
  totals.parent_state = header_.hx->parent_state;
  totals.kind = header_.hx->kind;
  return totals;
}

}  // namespace hx
