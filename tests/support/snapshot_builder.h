#pragma once
// A second writer of MIRN snapshots, by hand and in memory: any number of frames a page, any content, right or wrong.
// With the same frames and pages it must write what the library writes.

#include <functional>
#include <string>
#include <vector>

#include "codec/seek_table.h"
#include "codec/zero_frame.h"
#include "codec/zstd_codec.h"
#include "hash/digest_tree.h"
#include "hash/sha256.h"
#include "hash/xxh3.h"
#include "snapshot/mirn_header.h"
#include "snapshot/mirn_index.h"

namespace hx::test {

class SnapshotBuilder {
 public:
  explicit SnapshotBuilder(uint32_t chunk_size = mirn::kMinChunkSize) {
    header_.name = "built";
    header_.filesystem = "ext4";
    header_.timestamp = "2026-11-21T12:00:00Z";
    header_.hx = HxFields{};
    header_.hx->chunk_size = chunk_size;
    header_.hx->state = "12345678-1234-4234-8234-123456789abc";
    header_.hx->created_by = "builder";
  }
  SnapshotHeader& header() { return header_; }
  // Called on the way: what they change is written.
  std::function<void(IndexPage&)> on_page = [](IndexPage&) {};
  std::function<void(Directory&)> on_directory = [](Directory&) {};

  SnapshotBuilder& data(const std::string& content, int level = 3) {
    ZstdCompressor compressor(level);
    std::string frame(max_frame_size(content.size()), '\0');
    frame.resize(compressor.compress(as_bytes(content), std::as_writable_bytes(std::span(frame))).value());
    FrameEntry entry;
    entry.kind = Kind::kData;
    entry.leaf = Sha256::of(as_bytes(content));
    directory_.data_bytes += content.size();
    directory_.data_frame_bytes += frame.size();
    image_ += content;
    return add(entry, content.size(), frame);
  }
  SnapshotBuilder& zero(uint64_t length) {
    FrameEntry entry;
    entry.kind = Kind::kZero;
    const auto frame = make_zero_frame(length);
    image_ += std::string(length, '\0');
    return add(entry, length, std::string(as_text(frame)));
  }
  // The frames so far are one group.
  SnapshotBuilder& page() {
    page_.number = static_cast<uint32_t>(directory_.pages.size());
    on_page(page_);
    mirn::PageRef ref;
    ref.offset = body_.size();
    ref.begin = page_.begin();
    ref.entry_count = static_cast<uint32_t>(page_.entries.size());
    const std::string frame = encode_page(page_);
    ref.size = static_cast<uint32_t>(frame.size());
    ref.xxh3 = xxh3_64(as_bytes(frame));
    directory_.pages.push_back(ref);
    page_.entries.clear();
    return skippable(frame);
  }
  SnapshotBuilder& file(const std::string& name, const std::string& content) {
    directory_.files.push_back({name, content.size(), Sha256::of(as_bytes(content))});
    return skippable(encode_machine_file(content));
  }

  enum class Sealed { kNo, kYes };
  std::string build(Sealed sealed = Sealed::kYes) {
    const Digest checksum = Sha256::of(as_bytes(image_));
    header_.size = size_;
    directory_.position = body_.size();
    directory_.size = size_;
    directory_.chunk_size = header_.hx->chunk_size;
    directory_.tree = tree();
    directory_.image_digest = checksum;
    directory_.header_digest = Sha256::of(as_bytes(encode_header(header_)));
    on_directory(directory_);
    if (sealed == Sealed::kYes) {
      const size_t length = encode_header(header_).size();
      header_.checksum = checksum;
      header_.hx->sealed = true;
      header_.hx->seal = seal_of(directory_.tree, checksum);
      skippable(encode_directory(directory_));
      return encode_header(header_, length) + body_ + seek_table();
    }
    skippable(encode_directory(directory_));
    return encode_header(header_) + body_ + seek_table();
  }
  const std::string& image() const { return image_; }

 private:
  SnapshotBuilder& add(FrameEntry entry, uint64_t length, const std::string& frame) {
    if (page_.entries.empty()) page_.first_frame = body_.size();
    entry.position = body_.size();
    entry.compressed_size = static_cast<uint32_t>(frame.size());
    entry.extent = {size_, length};
    entry.xxh3 = xxh3_64(as_bytes(frame));
    page_.entries.push_back(entry);
    size_ += length;
    ++directory_.frame_count;
    body_ += frame;
    seek(frame.size(), length);
    return *this;
  }
  SnapshotBuilder& skippable(const std::string& frame) {
    body_ += frame;
    seek(frame.size(), 0);
    return *this;
  }
  void seek(uint64_t compressed, uint64_t decompressed) {
    SeekTableEntry entry;
    entry.compressed_size = static_cast<uint32_t>(compressed);
    entry.decompressed_size = static_cast<uint32_t>(decompressed);
    entries_ += as_text(struct_bytes(entry));
  }
  std::string seek_table() const {
    SeekTableFooter footer;
    footer.frame_count = static_cast<uint32_t>(entries_.size() / sizeof(SeekTableEntry));
    mirn::SkippableHeader header;
    header.magic = kSeekTableMagic;
    header.content_size = static_cast<uint32_t>(entries_.size() + sizeof footer);
    return std::string(as_text(struct_bytes(header))) + entries_ + std::string(as_text(struct_bytes(footer)));
  }
  Digest tree() const {
    DigestTree tree(header_.hx->chunk_size);
    for (uint64_t at = 0; at < image_.size(); at += header_.hx->chunk_size)
      tree.add(Sha256::of(as_bytes(std::string_view(image_).substr(at, header_.hx->chunk_size))));
    return tree.identity(size_);
  }

  SnapshotHeader header_;
  Directory directory_;
  IndexPage page_;
  uint64_t size_ = 0;
  std::string image_, body_, entries_;
};

}  // namespace hx::test
