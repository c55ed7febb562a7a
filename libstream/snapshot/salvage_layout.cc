#include "snapshot/salvage_layout.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "base/checked_math.h"
#include "codec/zstd_frame.h"
#include "hash/xxh3.h"
#include "snapshot/salvage_foreign.h"
#include "snapshot/salvage_scan.h"

namespace hx {
namespace {

// A header that parses is one witness and a half: alone it is believed, against two that agree it is not.
constexpr int kHeaderWeight = 3, kWitnessWeight = 2, kEnough = 3;

struct FoundPage {
  IndexPage page;
  uint64_t xxh3;  // of its frame, as a directory has it
};

class Search {
 public:
  explicit Search(const RandomReader& file) : file_(file) {}

  Result<SalvageLayout> run() {
    out_.file_size = HX_TRY(file_.size());
    HX_TRY(look_at_header());
    if (out_.header && !out_.header->hx && !hides_index()) return plain();
    HX_TRY(look_at_seek_table());
    if (out_.header) HX_TRY(try_directory(out_.header->body_offset()));
    if (!out_.directory) HX_TRY(scan());
    if (out_.directory) {
      by_directory();
    } else {
      HX_TRY(vote());
      HX_TRY(place_pages());
    }
    return std::move(out_);
  }

 private:
  Result<std::vector<std::byte>> bytes_at(uint64_t offset, uint64_t length) const {
    std::vector<std::byte> bytes(length);
    HX_TRY(file_.read_at(offset, bytes));
    return bytes;
  }
  uint64_t in_file(uint64_t body) const { return out_.body_offset + body; }
  Error lost(const std::string& what) const {
    return damaged(file_.name() + ": nothing can be salvaged: " + what + " is lost");
  }

  Status look_at_header() {
    auto header = read_header(file_);
    if (header) out_.header = std::move(*header);
    if (!header && header.error().kind != ErrorKind::kDamaged && header.error().kind != ErrorKind::kUnsupported)
      return std::move(header).error();
    // What is readable of a header that does not parse.
    raw_header_ = HX_TRY(bytes_at(0, std::min<uint64_t>(out_.file_size, sizeof(mirn::HeaderPrefix) + 64 * kKiB)));
    return {};
  }
  // A plain snapshot has no index behind its frames; an indexed one whose header lost its "hx" still has it.
  bool hides_index() {
    return out_.file_size >= sizeof(SeekTableFooter) && footer() && footer()->magic == kSeekFooterMagic;
  }
  std::optional<SeekTableFooter> footer() const {
    const auto bytes = bytes_at(out_.file_size - sizeof(SeekTableFooter), sizeof(SeekTableFooter));
    if (!bytes.ok()) return std::nullopt;
    return load_struct<SeekTableFooter>(bytes.value());
  }

  Result<SalvageLayout> plain() {
    out_.body_offset = out_.header->body_offset();
    out_.size = out_.header->size;
    out_.body_end = out_.file_size - out_.body_offset;
    FrameGroup group;
    group.frames = {0, out_.body_end};
    group.image = {0, out_.size};
    out_.groups.push_back(std::move(group));
    return std::move(out_);
  }

  // From its footer, where that holds; else by_directory() knows how long it is.
  Status look_at_seek_table() {
    seek_at_ = out_.file_size;
    if (out_.file_size < sizeof(SeekTableFooter)) return {};
    const auto end = footer();
    if (!end || end->magic != kSeekFooterMagic || seek_table_size(end->frame_count) > out_.file_size) return {};
    seek_at_ = out_.file_size - seek_table_size(end->frame_count);
    return load_seek_table(end->frame_count);
  }
  Status load_seek_table(uint64_t count) {
    const auto bytes = HX_TRY(bytes_at(seek_at_ + kSkippableHeaderSize, count * sizeof(SeekTableEntry)));
    out_.seek.resize(count);
    if (count > 0) std::memcpy(out_.seek.data(), bytes.data(), bytes.size());
    return {};
  }

  // The directory where the seek table, or the file, ends.
  Status try_directory(uint64_t body_offset) {
    if (seek_at_ < sizeof(mirn::DirectoryTail)) return {};
    const auto bytes = HX_TRY(bytes_at(seek_at_ - sizeof(mirn::DirectoryTail), sizeof(mirn::DirectoryTail)));
    const auto tail = load_struct<mirn::DirectoryTail>(bytes);
    if (std::memcmp(tail.magic, mirn::kTailMagic, sizeof tail.magic) != 0) return {};
    if (body_offset > seek_at_ || tail.offset > seek_at_ - body_offset) return {};
    return try_directory_at(body_offset + tail.offset, seek_at_);
  }
  // Its own checksum, and that what follows it is as long as a seek table must be: the file ends there.
  Status try_directory_at(uint64_t begin, uint64_t end) {
    if (begin >= end || end - begin > mirn::kMaxDirectoryContent + kSkippableHeaderSize || end > out_.file_size)
      return {};
    if (!HX_TRY(may_end_with(begin, end))) return {};
    auto directory = decode_directory(HX_TRY(bytes_at(begin, end - begin)));
    if (!directory || directory->position > begin) return {};
    const uint64_t frames = directory->frame_count + directory->pages.size() + directory->files.size() + 1;
    const bool has_table = frames <= kMaxSeekTableFrames;
    if (out_.file_size - end != (has_table ? seek_table_size(frames) : 0)) return {};
    if (!is_body_offset(begin - directory->position)) return {};
    if (out_.header && !match_.fits(*out_.header, *directory)) {
      // Nothing behind our own frames is ours then, if the seek table says so too.
      if (out_.seek.size() != frames && has_table) return {};
      foreign_ = ForeignDirectory{begin, begin - directory->position, std::move(*directory)};
      out_.seek.clear();
      seek_at_ = begin;
      return {};
    }
    out_.body_offset = begin - directory->position;
    out_.body_end = end - out_.body_offset;
    out_.directory = std::move(*directory);
    seek_at_ = end;
    return has_table ? load_seek_table(frames) : Status();
  }

  static bool is_body_offset(uint64_t offset) {
    return offset >= sizeof(mirn::HeaderPrefix) && offset <= sizeof(mirn::HeaderPrefix) + mirn::kMaxMetadata;
  }
  bool is_foreign(uint64_t place, const FoundPage& found) const {
    return foreign_ && foreign_->names_page(place, found.page.number, found.xxh3);
  }

  // From the first bytes of a directory, whether what is behind it can be its seek table: whoever writes to the disk
  // can put any number of tags there, each with a directory of 64 MiB to read.
  Result<bool> may_end_with(uint64_t begin, uint64_t end) const {
    if (end - begin < kSkippableHeaderSize + sizeof(mirn::DirectoryHeader)) return false;
    const auto head = load_struct<mirn::DirectoryHeader>(
        HX_TRY(bytes_at(begin + kSkippableHeaderSize, sizeof(mirn::DirectoryHeader))));
    const uint64_t size = kSkippableHeaderSize + sizeof head + uint64_t{head.page_count} * sizeof(mirn::PageRef) +
                          head.files_length + sizeof(mirn::DirectoryTail);
    if (size != end - begin || head.frame_count > uint64_t{head.page_count} * mirn::kMaxPageEntries) return false;
    const uint64_t behind = out_.file_size - end, least = head.frame_count + head.page_count + 1;
    const uint64_t most = least + mirn::kMaxMachineFileCount;
    if (behind == 0) return most > kMaxSeekTableFrames;
    return seek_table_size(least) <= behind && behind <= seek_table_size(most);
  }

  Status scan() {
    tags_ = HX_TRY(find_tags(file_));
    for (const uint64_t place : tags_.directories) {
      if (out_.directory) break;
      if (foreign_ && place == foreign_->place) continue;
      const auto header = load_struct<mirn::SkippableHeader>(HX_TRY(bytes_at(place, sizeof(mirn::SkippableHeader))));
      HX_TRY(try_directory_at(place, place + sizeof header + header.content_size));
    }
    return {};
  }

  void by_directory() {
    const Directory& d = *out_.directory;
    out_.size = d.size;
    out_.chunk_size = d.chunk_size;
    uint64_t end = 0, seek = 0;
    for (size_t i = 0; i < d.pages.size(); ++i) {
      const mirn::PageRef& ref = d.pages[i];
      const uint64_t image_end = i + 1 < d.pages.size() ? uint64_t{d.pages[i + 1].begin} : d.size;
      if (ref.offset < end || image_end < ref.begin) return;  // nobody writes that
      FrameGroup group;
      group.number = static_cast<uint32_t>(i);
      group.frames = {end, ref.offset - end};
      group.image = {ref.begin, image_end - ref.begin};
      group.page = Range{ref.offset, ref.size};
      group.page_xxh3 = ref.xxh3;
      group.entry_count = ref.entry_count;
      if (seek + group.entry_count <= out_.seek.size())
        group.seek = std::span(out_.seek).subspan(seek, group.entry_count);
      seek += group.entry_count + 1;
      end = ref.offset + ref.size;
      add(std::move(group));
    }
  }

  // What lies outside, or is more than a page can hold, is not believed.
  void add(FrameGroup group) {
    if (group.frames.end() > out_.body_end || group.image.end() > out_.size ||
        group.entry_count > mirn::kMaxPageEntries)
      return;
    uint64_t frames = 0, image = 0;
    for (const SeekTableEntry& entry : group.seek) frames += entry.compressed_size, image += entry.decompressed_size;
    group.seek_is_proven = !group.seek.empty() && frames == group.frames.length && image == group.image.length;
    out_.groups.push_back(std::move(group));
  }

  // A number behind a key, wherever the JSON may be broken.
  std::optional<uint64_t> number_behind(std::string_view key) const {
    const std::string_view text = as_text(raw_header_);
    const size_t at = text.find(key);
    if (at == std::string_view::npos) return std::nullopt;
    uint64_t value = 0;
    const char* const begin = text.data() + at + key.size();
    const auto [rest, error] = std::from_chars(begin, text.data() + text.size(), value);
    return error == std::errc() && rest != begin ? std::optional(value) : std::nullopt;
  }

  // Without a directory: body offset, size and chunk size as header, seek table, pages and what is left of the
  // directory say.
  Status vote() {
    Votes<uint64_t> body, size, chunk;
    if (out_.header) {
      body.add(out_.header->body_offset(), kHeaderWeight);
      size.add(out_.header->size, kHeaderWeight);
      if (out_.header->hx) chunk.add(out_.header->hx->chunk_size, kHeaderWeight);
    } else if (raw_header_.size() >= sizeof(mirn::HeaderPrefix)) {
      body.add(sizeof(mirn::HeaderPrefix) + load_struct<mirn::HeaderPrefix>(raw_header_).metadata_length,
               kWitnessWeight);
      if (const auto value = number_behind("\"size_bytes\":")) size.add(*value, kWitnessWeight);
      if (const auto value = number_behind("\"chunk_size\":")) chunk.add(*value, kWitnessWeight);
    }
    uint64_t frames = 0, image = 0;
    for (const SeekTableEntry& entry : out_.seek) frames += entry.compressed_size, image += entry.decompressed_size;
    if (!out_.seek.empty() && frames <= seek_at_) {
      body.add(seek_at_ - frames, kWitnessWeight);
      size.add(image, kWitnessWeight);
    }
    HX_TRY(vote_of_directories(size, chunk));
    HX_TRY(vote_of_pages(body, chunk));
    const auto body_offset = body.winner(kEnough), image_size = size.winner(kEnough),
               chunk_size = chunk.winner(kEnough);
    if (!body_offset || *body_offset > seek_at_ || !is_body_offset(*body_offset)) return lost("where the frames begin");
    if (!image_size) return lost("the size of the disk");
    if (!chunk_size || !mirn::is_chunk_size(*chunk_size)) return lost("the size of its chunks");
    out_.body_offset = *body_offset;
    out_.size = *image_size;
    out_.chunk_size = static_cast<uint32_t>(*chunk_size);
    out_.body_end = seek_at_ - out_.body_offset;
    return {};
  }
  // The last one in the file: an inner one cannot be behind it.
  Status vote_of_directories(Votes<uint64_t>& size, Votes<uint64_t>& chunk) {
    if (tags_.directories.empty() || foreign_) return {};
    const uint64_t at = tags_.directories.back() + kSkippableHeaderSize;
    if (!fits_within(at, sizeof(mirn::DirectoryHeader), out_.file_size)) return {};
    const auto raw = load_struct<mirn::DirectoryHeader>(HX_TRY(bytes_at(at, sizeof(mirn::DirectoryHeader))));
    size.add(raw.size, kWitnessWeight);
    chunk.add(raw.chunk_size, kWitnessWeight);
    return {};
  }
  // The first page of the file, as one of a snapshot inside the disk has another body.
  Status vote_of_pages(Votes<uint64_t>& body, Votes<uint64_t>& chunk) {
    for (uint64_t chunk_size = mirn::kMinChunkSize; chunk_size <= mirn::kMaxChunkSize; chunk_size *= 2) {
      for (const uint64_t place : tags_.pages) {
        const auto page = HX_TRY(page_at(place, {~uint64_t{0} >> 1, static_cast<uint32_t>(chunk_size)}));
        if (!page || is_foreign(place, *page)) continue;
        body.add(place - page->page.frames_end(), kWitnessWeight);
        for (const FrameEntry& entry : page->page.entries)
          if (entry.kind == Kind::kData && mirn::is_chunk_size(entry.extent.length)) {
            chunk.add(entry.extent.length, kWitnessWeight);
            break;
          }
        return {};
      }
    }
    return {};
  }

  // A page that its own checksum proves.
  Result<std::optional<FoundPage>> page_at(uint64_t place, const IndexShape& shape) const {
    const std::optional<FoundPage> none;
    if (!fits_within(place, sizeof(mirn::SkippableHeader), out_.file_size)) return none;
    const auto header = load_struct<mirn::SkippableHeader>(HX_TRY(bytes_at(place, sizeof(mirn::SkippableHeader))));
    const uint64_t size = sizeof header + header.content_size;
    if (size > mirn::kMaxPageContent + sizeof header || !fits_within(place, size, out_.file_size)) return none;
    const auto bytes = HX_TRY(bytes_at(place, size));
    auto page = decode_page(bytes, shape);
    if (!page || page->frames_end() > place) return none;
    return std::optional(FoundPage{std::move(*page), xxh3_64(bytes)});
  }

  Status place_pages() {
    uint64_t frames = 0, image = 0;
    for (const SeekTableEntry& entry : out_.seek) frames += entry.compressed_size, image += entry.decompressed_size;
    if (!out_.seek.empty() && frames == out_.body_end && image == out_.size) {
      by_seek_table();
      return {};
    }
    return by_pages();
  }

  // Every frame's place is known; a run of frames with content ends with its page.
  void by_seek_table() {
    uint64_t position = 0, offset = 0;
    for (size_t i = 0; i < out_.seek.size();) {
      FrameGroup group;
      group.number = static_cast<uint32_t>(out_.groups.size());
      group.frames.offset = position;
      group.image.offset = offset;
      const size_t first = i;
      for (; i < out_.seek.size() && out_.seek[i].decompressed_size > 0; ++i) {
        position += out_.seek[i].compressed_size;
        offset += out_.seek[i].decompressed_size;
      }
      if (i == first || i == out_.seek.size()) return;  // machine files and directory
      group.frames.length = position - group.frames.offset;
      group.image.length = offset - group.image.offset;
      group.page = Range{position, out_.seek[i].compressed_size};
      group.entry_count = static_cast<uint32_t>(i - first);
      group.seek = std::span(out_.seek).subspan(first, i - first);
      position += out_.seek[i++].compressed_size;
      add(std::move(group));
    }
  }

  // Pages that their own checksum proves, and between them groups without one.
  Status by_pages() {
    uint64_t position = 0, offset = 0;
    const auto add_gap = [&](uint64_t frames_end, uint64_t image_end) {
      if (position >= frames_end || offset >= image_end) return;
      FrameGroup gap;
      gap.number = static_cast<uint32_t>(out_.groups.size());
      gap.frames = {position, frames_end - position};
      gap.image = {offset, image_end - offset};
      add(std::move(gap));
    };
    for (const uint64_t place : tags_.pages) {
      const auto found = HX_TRY(page_at(place, {out_.size, out_.chunk_size}));
      if (!found) continue;
      if (is_foreign(place, *found)) {
        for (const FrameEntry& entry : found->page.entries)
          if (entry.kind == Kind::kData) out_.foreign_frames.push_back(entry.xxh3);
        continue;
      }
      const IndexPage& page = found->page;
      if (place - page.frames_end() != out_.body_offset || page.first_frame < position || page.begin() < offset)
        continue;
      add_gap(page.first_frame, page.begin());
      FrameGroup group;
      group.number = page.number;
      group.frames = {page.first_frame, page.frames_end() - page.first_frame};
      group.image = {page.begin(), page.end() - page.begin()};
      const auto size = load_struct<mirn::SkippableHeader>(HX_TRY(bytes_at(place, sizeof(mirn::SkippableHeader))));
      group.page = Range{page.frames_end(), sizeof(mirn::SkippableHeader) + size.content_size};
      group.entry_count = static_cast<uint32_t>(page.entries.size());
      position = group.page->end();
      offset = group.image.end();
      add(std::move(group));
    }
    add_gap(out_.body_end, out_.size);
    std::ranges::sort(out_.foreign_frames);
    return {};
  }

  const RandomReader& file_;
  SalvageLayout out_;
  std::vector<std::byte> raw_header_;
  uint64_t seek_at_ = 0;  // in the file: where the seek table begins, or the file ends
  TagPlaces tags_;
  std::optional<ForeignDirectory> foreign_;
  HeaderMatch match_;
};

}  // namespace

namespace {

// By what is left of it: its frames may be a delta's, and must not be taken for a disk.
Result<bool> is_version_2(const RandomReader& file, const SalvageLayout& layout) {
  if (layout.header) return layout.header->version == mirn::kVersion2;
  if (layout.directory) return layout.directory->version == mirn::kVersion2;
  std::vector<std::byte> beginning(std::min<uint64_t>(layout.file_size, sizeof(mirn::HeaderPrefix)));
  HX_TRY(file.read_at(0, beginning));
  if (says_version_2(beginning)) return true;
  std::vector<std::byte> magic(sizeof(Le32));
  if (!fits_within(layout.body_offset, magic.size(), layout.file_size)) return false;
  HX_TRY(file.read_at(layout.body_offset, magic));
  return load_struct<Le32>(magic) == mirn::kExtentsMagic;
}

}  // namespace

Result<SalvageLayout> find_layout(const RandomReader& file) {
  SalvageLayout layout = HX_TRY(Search(file).run());
  if (HX_TRY(is_version_2(file, layout)))
    return unsupported(file.name() + ": a version 2 snapshot cannot be salvaged or healed");
  return layout;
}

Result<std::vector<std::byte>> page_bytes(const RandomReader& file, const SalvageLayout& layout,
                                          const FrameGroup& group) {
  std::vector<std::byte> bytes;
  if (!group.page || group.page->length > mirn::kMaxPageContent + sizeof(mirn::SkippableHeader) ||
      !fits_within(layout.body_offset + group.page->offset, group.page->length, layout.file_size))
    return bytes;
  bytes.resize(group.page->length);
  HX_TRY(file.read_at(layout.body_offset + group.page->offset, bytes));
  return bytes;
}

std::optional<IndexPage> intact_page(ByteSpan bytes, const SalvageLayout& layout, const FrameGroup& group) {
  auto page = decode_page(bytes, {layout.size, layout.chunk_size});
  if (!page || (group.page_xxh3 && *group.page_xxh3 != xxh3_64(bytes)) || page->number != group.number ||
      page->first_frame != group.frames.offset || page->frames_end() != group.frames.end() ||
      page->begin() != group.image.offset || page->end() != group.image.end())
    return std::nullopt;
  return std::move(*page);
}

}  // namespace hx
