#pragma once
// An indexed snapshot (one of ours, of either version, full or a delta) as a disk that can be read at any place. Pages
// of the index are loaded on demand: memory does not grow with the disk.

#include <deque>
#include <mutex>

#include "extent/disk_reader.h"
#include "io/byte_io.h"
#include "snapshot/mirn_header.h"
#include "snapshot/mirn_index.h"

namespace hx {

// Any thread. Every byte that read_at() gives was checked: the frame against its XXH3, the content against its leaf.
class SnapshotReader : public DiskReader {
 public:
  // Checks header, directory, and that nothing is missing at the end; the body is not read. A header without "hx" is
  // kUnsupported here: it is one of the original's (snapshot_source.h).
  static Result<std::shared_ptr<SnapshotReader>> open(std::shared_ptr<const RandomReader>);
  // The same, with the header that the caller has read.
  static Result<std::shared_ptr<SnapshotReader>> open(std::shared_ptr<const RandomReader>, SnapshotHeader);

  const SnapshotHeader& header() const { return header_; }
  const Directory& directory() const { return directory_; }
  uint64_t file_size() const { return file_size_; }
  // SHA-256 of the whole image; nullopt: not computed yet (hx-snap-seal does).
  std::optional<Digest> image_digest() const {
    return header_.has_checksum && header_.hx->sealed ? std::optional(header_.checksum) : directory_.image_digest;
  }
  // Position in the file of a position in the body.
  uint64_t in_file(uint64_t body_position) const { return header_.body_offset() + body_position; }

  // Reads the whole index: pages, that they tile the disk, the digest tree, the zero frames' bytes, the machine files
  // and the seek table. Together with a read of all data nothing in the file is left unchecked.
  Status verify_index() const;

  size_t page_count() const { return directory_.pages.size(); }
  Result<std::shared_ptr<const IndexPage>> page(size_t number) const;
  IndexShape shape() const { return {directory_.size, directory_.chunk_size, layout_of(header_.version, info_.kind)}; }
  // The entry that says anything of this byte, or else the next one of the same page; null: there is none.
  Result<const FrameEntry*> entry_at(uint64_t offset, std::shared_ptr<const IndexPage>& page) const;
  // The bytes of a data frame as they stand in the file, and the extents before it, against their checksums. Valid
  // until this thread reads the next.
  Result<ByteSpan> read_frame(const FrameEntry&) const;
  // Reads, checks and decodes one data frame; content is exactly content_size().
  Status read_frame_content(const FrameEntry&, MutableByteSpan content) const;
  // Reads one frame and compares its bytes with their checksum: all that can happen to a file is seen, at the speed of
  // reading. What only decoding shows is a frame that was made wrong.
  Status check_frame(const FrameEntry&) const;
  // Fills in what a delta says of the range; the rest of out stays as it is.
  Status overlay(uint64_t offset, MutableByteSpan out) const;
  Result<std::vector<MachineFile>> machine_files() const;

  const DiskInfo& info() const override { return info_; }
  const std::string& name() const override { return file_->name(); }
  uint64_t grain() const override { return directory_.chunk_size; }
  Result<ExtentList> map(uint64_t from, uint64_t to) const override;
  Status read_at(uint64_t offset, MutableByteSpan out) const override;
  Status check_unchanged() const override { return {}; }  // all that is read is checked against the index

 private:
  SnapshotReader(std::shared_ptr<const RandomReader> file, SnapshotHeader header);
  Status load_directory();
  Status check_header() const;
  Result<std::shared_ptr<const IndexPage>> load_page(size_t number) const;
  size_t page_of(uint64_t offset) const;  // of the image
  Result<uint64_t> read_part(const FrameEntry&, uint64_t offset, MutableByteSpan out) const;
  Status check_extents(const FrameEntry&, ByteSpan frame) const;
  Status check_zero_frames(const IndexPage&) const;
  uint64_t directory_frame_size() const { return seek_table_at_ - in_file(directory_.position); }
  Error bad(uint64_t body_position, const std::string& what) const;

  std::shared_ptr<const RandomReader> file_;
  SnapshotHeader header_;
  Directory directory_;
  DiskInfo info_;
  const uint64_t id_;                           // of this object, never given again
  uint64_t file_size_ = 0, seek_table_at_ = 0;  // of the file
  mutable std::mutex mutex_;
  struct CachedPage {
    size_t number;
    std::shared_ptr<const IndexPage> page;
  };
  mutable std::deque<CachedPage> cache_;  // the latest first
};

}  // namespace hx
