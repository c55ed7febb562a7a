#include "snapshot/salvage_place.h"

#include <algorithm>

#include "base/checked_math.h"
#include "codec/zero_frame.h"
#include "codec/zstd_codec.h"
#include "codec/zstd_frame.h"
#include "hash/xxh3.h"
#include "io/fd_io.h"
#include "snapshot/part_reader.h"
#include "snapshot/salvage_scan.h"

namespace hx {
namespace {

constexpr uint64_t kMaxFrame = 80 * kMiB;         // of any kind that is worth to be looked at
constexpr uint64_t kMaxPlainContent = 64 * kMiB;  // of a plain snapshot's frame, which is decoded as a whole

// What one witness says of a frame.
struct Said {
  uint64_t frame_size, length;
};

class Placing {
 public:
  Placing(const RandomReader& file, const SalvageLayout& layout, const FrameGroup& group, ByteSpan raw_page)
      : file_(file), layout_(layout), group_(group), raw_(raw_page) {}

  Result<std::vector<FrameEntry>> run() {
    if (group_.entry_count == 0) return walk_all();
    entries_.resize(group_.entry_count);
    const uint32_t forward = HX_TRY(go_forward());
    if (forward == group_.entry_count) return check_ends();
    const uint32_t backward = HX_TRY(go_backward(forward));
    if (backward == forward + 1) fill_gap(forward);
    std::erase_if(entries_, [](const FrameEntry& entry) { return entry.extent.length == 0; });
    return std::move(entries_);
  }

 private:
  // --- the witnesses ---

  std::optional<mirn::PageEntry> raw_entry(uint32_t i) const {
    const uint64_t at = entry_at(i);
    if (!fits_within(at, sizeof(mirn::PageEntry) + sizeof(mirn::PageExtent), raw_.size())) return std::nullopt;
    return load_struct<mirn::PageEntry>(raw_.subspan(at));
  }
  mirn::PageExtent raw_extent(uint32_t i) const {
    return load_struct<mirn::PageExtent>(raw_.subspan(entry_at(i) + sizeof(mirn::PageEntry)));
  }
  static uint64_t entry_at(uint32_t i) {
    return sizeof(mirn::SkippableHeader) + sizeof(mirn::PageHeader) +
           uint64_t{i} * (sizeof(mirn::PageEntry) + sizeof(mirn::PageExtent));
  }
  std::optional<Said> page_says(uint32_t i) const {
    const auto entry = raw_entry(i);
    return entry ? std::optional(Said{entry->compressed_size, raw_extent(i).length}) : std::nullopt;
  }
  std::optional<Said> seek_table_says(uint32_t i) const {
    if (i >= group_.seek.size()) return std::nullopt;
    return Said{group_.seek[i].compressed_size, group_.seek[i].decompressed_size};
  }
  // The frame's own header, and where its blocks end.
  Result<std::optional<Said>> frame_says(uint64_t position) const {
    PartReader in(file_, layout_.body_offset + position, layout_.body_offset + group_.frames.end());
    BufferedReader buffered(in, {}, 64 * kKiB);
    std::vector<std::byte> bytes;
    auto frame =
        read_frame(buffered, bytes, [&](uint32_t) { return std::min(group_.frames.end() - position, kMaxFrame); });
    if (!frame.ok()) {
      if (frame.error().kind == ErrorKind::kDamaged) return std::optional<Said>();
      return std::move(frame).error();
    }
    if (!frame.value()) return std::optional<Said>();
    if (is_skippable(frame.value()->magic)) return std::optional(Said{bytes.size(), 0});
    if (!frame.value()->content_size) return decoded_size(bytes);
    return std::optional(Said{bytes.size(), *frame.value()->content_size});
  }

  // Of a plain snapshot's frame that does not say how long its content is.
  Result<std::optional<Said>> decoded_size(ByteSpan frame) const {
    if (layout_.chunk_size > 0) return std::optional<Said>();
    MemoryReader in(frame);
    ZstdStreamReader decoding(in, 0, [](uint32_t, uint64_t) { return Status(); });
    std::vector<std::byte> content(std::min(kMaxPlainContent, layout_.size) + 1);
    const auto got = decoding.read_full(content);
    return got.ok() ? std::optional(Said{frame.size(), got.value()}) : std::nullopt;
  }

  // --- what is possible, and what proves itself ---

  bool is_possible(uint64_t position, uint64_t offset, const Said& said) const {
    if (said.frame_size == 0 || said.length == 0 || !fits_within(position, said.frame_size, group_.frames.end()) ||
        !fits_within(offset, said.length, group_.image.end()))
      return false;
    if (layout_.chunk_size == 0) return said.length <= kMaxPlainContent;
    const uint64_t end = offset + said.length;
    if (offset % layout_.chunk_size != 0 || (end % layout_.chunk_size != 0 && end != layout_.size)) return false;
    return said.length <= layout_.chunk_size || said.frame_size == zero_frame_size(said.length);
  }
  Result<bool> decodes(uint64_t position, const Said& said) const {
    std::vector<std::byte> frame(said.frame_size);
    HX_TRY(file_.read_at(layout_.body_offset + position, frame));
    if (std::ranges::binary_search(layout_.foreign_frames, xxh3_64(frame))) return false;
    if (is_zero_frame(frame, said.length)) return true;
    if (said.length > std::max<uint64_t>(layout_.chunk_size, layout_.chunk_size ? 0 : kMaxPlainContent)) return false;
    if (!has_checksum(frame)) return false;
    std::vector<std::byte> content(said.length);
    ZstdDecompressor decompressor;
    return decompressor.decompress(frame, content).ok();
  }

  // What is believed of the frame at this place.
  Result<std::optional<Said>> judge(uint32_t i, uint64_t position, uint64_t offset) const {
    if (group_.seek_is_proven) return seek_table_says(i);
    std::vector<Said> said;
    for (const std::optional<Said>& one : {page_says(i), seek_table_says(i), HX_TRY(frame_says(position))})
      if (one) said.push_back(*one);
    Votes<uint64_t> sizes, lengths;
    for (const Said& one : said) sizes.add(one.frame_size, 1), lengths.add(one.length, 1);
    const auto size = sizes.winner(2), length = lengths.winner(2);
    if (size && length && is_possible(position, offset, {*size, *length})) return std::optional(Said{*size, *length});
    for (const Said& a : said)
      for (const Said& b : said)
        if (const Said both{a.frame_size, b.length};
            is_possible(position, offset, both) && HX_TRY(decodes(position, both)))
          return std::optional(both);
    return std::optional<Said>();
  }

  // --- the group, from its beginning and from its end ---

  FrameEntry entry_of(uint32_t i, uint64_t position, uint64_t offset, const Said& said) const {
    FrameEntry entry;
    entry.position = position;
    entry.compressed_size = static_cast<uint32_t>(said.frame_size);
    entry.extent = {offset, said.length};
    entry.kind = Kind::kData;
    if (const auto raw = raw_entry(i)) {
      entry.xxh3 = raw->xxh3;
      entry.leaf = raw->leaf;
      // Its size, no digest, and a kind: where zeros were written over an entry, no digest alone says nothing.
      const bool is_said = raw->kind == 1 || raw_extent(i).kind == 1;
      if (is_said && raw->leaf == Digest{} && said.frame_size == zero_frame_size(said.length)) entry.kind = Kind::kZero;
    }
    // No data is so long; is_possible() has seen that the frame's size is that of zeros.
    if (layout_.chunk_size > 0 && said.length > layout_.chunk_size) entry.kind = Kind::kZero;
    return entry;
  }

  Result<uint32_t> go_forward() {
    uint64_t position = group_.frames.offset, offset = group_.image.offset;
    for (uint32_t i = 0; i < group_.entry_count; ++i) {
      const auto said = HX_TRY(judge(i, position, offset));
      if (!said || !is_possible(position, offset, *said)) return i;
      entries_[i] = entry_of(i, position, offset, *said);
      position += said->frame_size;
      offset += said->length;
    }
    return group_.entry_count;
  }
  // Gives the first entry that it placed. Frames have no length at their end, so that only page and seek table speak.
  Result<uint32_t> go_backward(uint32_t first) {
    uint64_t position = group_.frames.end(), offset = group_.image.end();
    for (uint32_t i = group_.entry_count; i > first; --i) {
      const auto page = page_says(i - 1), table = seek_table_says(i - 1);
      std::optional<Said> believed;
      for (const std::optional<Said>& a : {page, table})
        for (const std::optional<Said>& b : {page, table}) {
          if (believed || !a || !b || a->frame_size > position || b->length > offset) continue;
          const Said both{a->frame_size, b->length};
          const uint64_t at = position - both.frame_size, from = offset - both.length;
          if (at < group_.frames.offset || from < group_.image.offset || !is_possible(at, from, both)) continue;
          const bool agreed = page && table && page->frame_size == table->frame_size && page->length == table->length;
          if (agreed || HX_TRY(decodes(at, both))) believed = both;
        }
      if (!believed) return i;
      position -= believed->frame_size;
      offset -= believed->length;
      entries_[i - 1] = entry_of(i - 1, position, offset, *believed);
    }
    return first;
  }
  // One frame between two that have their place: it is what is left.
  void fill_gap(uint32_t i) {
    const uint64_t position =
        i == 0 ? group_.frames.offset : entries_[i - 1].position + entries_[i - 1].compressed_size;
    const uint64_t offset = i == 0 ? group_.image.offset : entries_[i - 1].extent.end();
    const bool is_last = i + 1 == group_.entry_count;
    const uint64_t end = is_last ? group_.frames.end() : entries_[i + 1].position;
    const uint64_t image_end = is_last ? group_.image.end() : entries_[i + 1].extent.offset;
    if (position >= end || offset >= image_end) return;
    const Said rest{end - position, image_end - offset};
    if (is_possible(position, offset, rest)) entries_[i] = entry_of(i, position, offset, rest);
  }
  // All were placed from the beginning; if the last does not end where the group does, one of them is wrong and nobody
  // knows which.
  Result<std::vector<FrameEntry>> check_ends() {
    const FrameEntry& last = entries_.back();
    if (last.position + last.compressed_size != group_.frames.end() || last.extent.end() != group_.image.end())
      std::erase_if(entries_, [](const FrameEntry&) { return true; });
    return std::move(entries_);
  }

  // No page: frames that decode, one after the other. Behind one that does not the place of the next is not proven.
  Result<std::vector<FrameEntry>> walk_all() {
    uint64_t position = group_.frames.offset, offset = group_.image.offset;
    while (position < group_.frames.end() && offset < group_.image.end()) {
      const auto said = HX_TRY(frame_says(position));
      if (!said) break;
      if (said->length == 0 && said->frame_size > 0) {  // skippable, or empty
        position += said->frame_size;
        continue;
      }
      if (!is_possible(position, offset, *said) || !HX_TRY(decodes(position, *said))) break;
      entries_.push_back(entry_of(~uint32_t{0}, position, offset, *said));
      position += said->frame_size;
      offset += said->length;
    }
    return std::move(entries_);
  }

  const RandomReader& file_;
  const SalvageLayout& layout_;
  const FrameGroup& group_;
  const ByteSpan raw_;
  std::vector<FrameEntry> entries_;
};

}  // namespace

Result<std::vector<FrameEntry>> place_frames(const RandomReader& file, const SalvageLayout& layout,
                                             const FrameGroup& group, ByteSpan raw_page) {
  return Placing(file, layout, group, raw_page).run();
}

bool has_checksum(ByteSpan frame) {
  return frame.size() > 5 && load_struct<Le32>(frame) == kZstdMagic && (static_cast<uint8_t>(frame[4]) & 4) != 0;
}

}  // namespace hx
