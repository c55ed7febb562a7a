#include "snapshot/heal.h"

#include <unistd.h>

#include <algorithm>

#include "base/checked_math.h"
#include "codec/zstd_frame.h"
#include "hash/digest_tree.h"
#include "hash/xxh3.h"
#include "io/fd_io.h"
#include "snapshot/heal_directory.h"
#include "snapshot/heal_header.h"
#include "snapshot/snapshot_reader.h"

namespace hx {
namespace {

class Healing {
 public:
  Healing(const RandomReader& file, const Salvage& from, int fd, const std::string& name)
      : file_(file), from_(from), layout_(from.layout()), fd_(fd), name_(name), tree_(layout_.chunk_size) {}

  Result<HealOutcome> run() {
    for (size_t i = 0; i < from_.group_count(); ++i) HX_TRY(put_group(i));
    if (!out_.lost.empty()) {
      out_.lost = to_range_set(out_.lost);
      return std::move(out_);
    }
    HX_TRY(find_directory());
    HX_TRY(copy_machine_files());
    HX_TRY(put_directory());
    HX_TRY(put_seek_table());
    HX_TRY(put_header());
    out_.bytes = layout_.body_offset + position_;
    if (::ftruncate(fd_, static_cast<off_t>(out_.bytes)) != 0) return system_error(errno, name_);
    HX_TRY(verify());
    return std::move(out_);
  }

 private:
  Error lost(const std::string& what) const { return damaged(file_.name() + ": cannot be healed: " + what); }

  Status put(ByteSpan bytes) {
    HX_TRY(pwrite_fd(fd_, name_, layout_.body_offset + position_, bytes));
    position_ += bytes.size();
    return {};
  }
  void in_seek_table(uint64_t compressed, uint64_t decompressed) {
    SeekTableEntry entry;
    entry.compressed_size = static_cast<uint32_t>(compressed);
    entry.decompressed_size = static_cast<uint32_t>(decompressed);
    seek_.push_back(entry);
  }

  Status put_group(size_t number) {
    const FrameGroup& group = layout_.groups[number];
    const GroupOfFrames found = HX_TRY(from_.frames(number));
    if (!found.is_complete) {
      out_.lost.push_back(group.image);
      return {};
    }
    IndexPage page;
    page.number = group.number;
    page.first_frame = position_;
    for (const FoundFrame& frame : found.frames) {
      HX_TRY(put_frame(frame));
      page.entries.push_back(frame.entry);
    }
    const std::string bytes = encode_page(page);
    out_.pages_made += found.page_was_damaged;
    pages_.push_back(ref_of_page(page, position_, bytes));
    in_seek_table(bytes.size(), 0);
    return put(as_bytes(bytes));
  }

  Status put_frame(const FoundFrame& frame) {
    const FrameEntry& entry = frame.entry;
    const auto bytes = HX_TRY(from_.frame_bytes(frame));
    if (!bytes) {
      out_.lost.push_back(entry.extent);
      position_ += entry.compressed_size;  // the others still tell what is lost
      return {};
    }
    in_seek_table(bytes->size(), entry.extent.length);
    ++frame_count_;
    if (entry.kind == Kind::kData) {
      tree_.add(entry.leaf);
      data_bytes_ += entry.extent.length;
      data_frame_bytes_ += bytes->size();
      std::vector<std::byte> there(bytes->size());
      const Status read = file_.read_at(layout_.body_offset + entry.position, there);
      out_.frames_made += !read.ok() || there != *bytes;
    } else {
      tree_.add_zero_chunks(entry.extent.length / layout_.chunk_size);
      if (const uint64_t rest = entry.extent.length % layout_.chunk_size; rest > 0) tree_.add(zero_leaf(rest));
    }
    return put(*bytes);
  }

  // As it was: the place of the machine files is in it.
  Status find_directory() {
    if (layout_.directory) {
      directory_ = *layout_.directory;
      return {};
    }
    const std::vector<std::byte> raw = HX_TRY(raw_directory());
    auto healed = heal_directory(raw, known_of_directory(raw.size()), layout_.header);
    if (!healed.directory) return lost("its directory");
    directory_ = std::move(*healed.directory);
    out_.directory_made = true;
    return {};
  }
  Directory known_of_directory(uint64_t frame_size) const {
    Directory known;
    known.position = layout_.body_end - frame_size;
    known.chunk_size = layout_.chunk_size;
    known.size = layout_.size;
    known.frame_count = frame_count_;
    known.data_bytes = data_bytes_;
    known.data_frame_bytes = data_frame_bytes_;
    known.tree = tree_.identity(layout_.size);
    known.pages = pages_;
    return known;
  }

  // Between the last page and the directory. Nothing else has their content: verify() sees whether they are good.
  Status copy_machine_files() {
    for (const DirectoryFile& file : directory_.files) {
      std::vector<std::byte> frame(sizeof(mirn::SkippableHeader) + file.size);
      if (!fits_within(layout_.body_offset + position_, frame.size(), layout_.file_size))
        return lost("its machine files");
      HX_TRY(file_.read_at(layout_.body_offset + position_, frame));
      const std::string good = encode_machine_file(as_text(frame).substr(sizeof(mirn::SkippableHeader)));
      in_seek_table(good.size(), 0);
      HX_TRY(put(as_bytes(good)));
    }
    return {};
  }

  // Where the directory stands, if its place is known.
  Result<std::vector<std::byte>> raw_directory() const {
    std::vector<std::byte> bytes;
    uint64_t begin = position_;
    if (layout_.directory)
      begin = layout_.directory->position;
    else if (!layout_.seek.empty())
      begin = layout_.body_end - std::min<uint64_t>(layout_.body_end, layout_.seek.back().compressed_size);
    if (begin >= layout_.body_end || layout_.body_end - begin > mirn::kMaxDirectoryContent + kSkippableHeaderSize)
      return bytes;
    bytes.resize(layout_.body_end - begin);
    HX_TRY(file_.read_at(layout_.body_offset + begin, bytes));
    return bytes;
  }

  Status put_directory() {
    if (directory_.position != position_) return lost("its directory");
    const std::string bytes = encode_directory(directory_);
    in_seek_table(bytes.size(), 0);
    return put(as_bytes(bytes));
  }

  Status put_seek_table() {
    if (seek_.size() > kMaxSeekTableFrames) return {};
    mirn::SkippableHeader header;
    header.magic = kSeekTableMagic;
    header.content_size = static_cast<uint32_t>(seek_table_size(seek_.size()) - kSkippableHeaderSize);
    SeekTableFooter footer;
    footer.frame_count = static_cast<uint32_t>(seek_.size());
    std::string table(as_text(struct_bytes(header)));
    table.append(reinterpret_cast<const char*>(seek_.data()), seek_.size() * sizeof(SeekTableEntry));
    table += as_text(struct_bytes(footer));
    std::string there(table.size(), '\0');
    const uint64_t at = layout_.body_offset + position_;
    out_.seek_table_made = !fits_within(at, table.size(), layout_.file_size) ||
                           !file_.read_at(at, std::as_writable_bytes(std::span(there))).ok() || there != table;
    return put(as_bytes(table));
  }

  Status put_header() {
    std::string bytes(layout_.body_offset, '\0');
    HX_TRY(file_.read_at(0, std::as_writable_bytes(std::span(bytes))));
    const auto healed = heal_header(bytes, directory_);
    if (!healed) return lost("its header");
    out_.header_made = *healed != bytes;
    return pwrite_fd(fd_, name_, 0, as_bytes(*healed));
  }

  // Every frame was compared with its checksum; now the rest, with the digest tree and the seal.
  Status verify() {
    UniqueFd again(::dup(fd_));
    if (!again) return system_error(errno, name_);
    auto reader = SnapshotReader::open(std::make_shared<FileReader>(std::move(again), name_));
    Status status = reader ? reader.value()->verify_index() : Status(std::move(reader).error());
    return status ? Status() : std::move(status).error().within(file_.name() + ": cannot be healed");
  }

  const RandomReader& file_;
  const Salvage& from_;
  const SalvageLayout& layout_;
  const int fd_;
  const std::string& name_;
  HealOutcome out_;
  DigestTree tree_;
  uint64_t position_ = 0;  // in the body
  uint64_t frame_count_ = 0, data_bytes_ = 0, data_frame_bytes_ = 0;
  std::vector<mirn::PageRef> pages_;
  std::vector<SeekTableEntry> seek_;
  Directory directory_;
};

}  // namespace

Result<HealOutcome> heal_snapshot(const RandomReader& damaged, const DiskReader* donor, int fd,
                                  const std::string& name) {
  const Salvage from = HX_TRY(Salvage::open(damaged, donor));
  const ReadableParts file(damaged);
  if (from.layout().chunk_size == 0)
    return unsupported(file.name() + ": has no index, whose digests would show that it is as it was");
  return Healing(file, from, fd, name).run();
}

}  // namespace hx
