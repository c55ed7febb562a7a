#pragma once
// A second writer of deltas, by hand and in memory, right or wrong.

#include <functional>
#include <string>
#include <vector>

#include "codec/seek_table.h"
#include "codec/zstd_codec.h"
#include "hash/sha256.h"
#include "hash/xxh3.h"
#include "snapshot/mirn_header.h"
#include "snapshot/mirn_index.h"

namespace hx::test {

class DeltaBuilder {
 public:
  explicit DeltaBuilder(uint64_t size, uint32_t chunk_size = mirn::kMinChunkSize)
      : shape_{size, chunk_size, IndexLayout::kDelta} {
    header_.version = mirn::kVersion2;
    header_.has_checksum = false;
    header_.name = "built";
    header_.size = size;
    header_.timestamp = "2026-11-21T12:00:00Z";
    HxFields hx;
    hx.kind = DiskKind::kDelta;
    hx.sealed = true;
    hx.chunk_size = chunk_size;
    hx.state = "12345678-1234-4234-8234-123456789abc";
    hx.parent_state = "the parent's";
    hx.created_by = "builder";
    header_.hx = hx;
  }
  SnapshotHeader& header() { return header_; }
  // Called on the way: what they change is written, with right checksums.
  std::function<void(FrameEntry&)> on_extents = [](FrameEntry&) {};  // in the extents frame only
  std::function<void(FrameEntry&)> on_entry = [](FrameEntry&) {};    // in both
  std::function<void(IndexPage&)> on_page = [](IndexPage&) {};
  std::function<void(Directory&)> on_directory = [](Directory&) {};

  // One chunk: the bytes of its data extents together.
  DeltaBuilder& part(std::vector<MapEntry> extents, const std::string& content,
                     const std::optional<Digest>& result = {}) {
    FrameEntry entry;
    entry.result = result;
    normalize(entry, std::move(extents), shape_);
    std::string frame;
    if (!content.empty()) {
      ZstdCompressor compressor(3);
      frame.resize(max_frame_size(content.size()));
      frame.resize(compressor.compress(as_bytes(content), std::as_writable_bytes(std::span(frame))).value());
      entry.compressed_size = static_cast<uint32_t>(frame.size());
      entry.xxh3 = xxh3_64(as_bytes(frame));
      entry.leaf = Sha256::of(as_bytes(content));
    }
    on_entry(entry);
    if (page_.entries.empty()) page_.first_frame = body_.size();
    FrameEntry said = entry;
    on_extents(said);
    const std::string extents_frame = encode_extents(said);
    entry.extents_size = static_cast<uint32_t>(extents_frame.size());
    add(extents_frame, 0);
    entry.position = body_.size();
    if (!frame.empty()) add(frame, content.size());
    directory_.data_bytes += entry.bytes_of(Kind::kData);
    directory_.zero_bytes += entry.bytes_of(Kind::kZero);
    directory_.data_frame_bytes += frame.size();
    ++directory_.frame_count;
    page_.entries.push_back(entry);
    return *this;
  }
  DeltaBuilder& page() {
    page_.number = static_cast<uint32_t>(directory_.pages.size());
    on_page(page_);
    for (const FrameEntry& entry : page_.entries) all_.push_back(entry);
    const std::string frame = encode_page(page_);
    mirn::PageRef ref;
    ref.offset = body_.size();
    ref.begin = page_.begin();
    ref.entry_count = static_cast<uint32_t>(page_.entries.size());
    ref.size = static_cast<uint32_t>(frame.size());
    ref.xxh3 = xxh3_64(as_bytes(frame));
    directory_.pages.push_back(ref);
    page_.entries.clear();
    add(frame, 0);
    return *this;
  }
  std::string build() {
    EntriesDigest digest(shape_);
    for (const FrameEntry& entry : all_) digest.add(entry);
    directory_.version = mirn::kVersion2;
    directory_.kind = DiskKind::kDelta;
    directory_.position = body_.size();
    directory_.size = shape_.size;
    directory_.chunk_size = shape_.chunk_size;
    directory_.tree = digest.finish();
    const std::string header = encode_header(header_);
    directory_.header_digest = Sha256::of(as_bytes(header));
    on_directory(directory_);
    add(encode_directory(directory_), 0);
    SeekTableFooter footer;
    footer.frame_count = static_cast<uint32_t>(entries_.size() / sizeof(SeekTableEntry));
    mirn::SkippableHeader seek;
    seek.magic = kSeekTableMagic;
    seek.content_size = static_cast<uint32_t>(entries_.size() + sizeof footer);
    return header + body_ + std::string(as_text(struct_bytes(seek))) + entries_ +
           std::string(as_text(struct_bytes(footer)));
  }

 private:
  void add(const std::string& frame, uint64_t content) {
    body_ += frame;
    SeekTableEntry entry;
    entry.compressed_size = static_cast<uint32_t>(frame.size());
    entry.decompressed_size = static_cast<uint32_t>(content);
    entries_ += as_text(struct_bytes(entry));
  }

  const IndexShape shape_;
  SnapshotHeader header_;
  Directory directory_;
  IndexPage page_;
  std::vector<FrameEntry> all_;
  std::string body_, entries_;
};

}  // namespace hx::test
