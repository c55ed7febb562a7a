#include "snapshot/salvage.h"

#include <algorithm>
#include <cstring>

#include "base/checked_math.h"
#include "codec/zero_frame.h"
#include "codec/zstd_codec.h"
#include "hash/sha256.h"
#include "hash/xxh3.h"
#include "snapshot/salvage_place.h"

namespace hx {
namespace {

constexpr int kFramesToLearnFrom = 4;

// The checksum that a page had: an intact directory says it, else its own last eight bytes do.
std::optional<uint64_t> checksum_of_page(const FrameGroup& group, ByteSpan raw) {
  if (group.page_xxh3) return group.page_xxh3;
  if (raw.size() < sizeof(Le64)) return std::nullopt;
  return load_struct<Le64>(raw.last(sizeof(Le64)));
}

// A place that cannot be read is lost like one that is damaged: the next one may be good.
Result<bool> was_read(Status status) {
  if (status) return true;
  if (status.error().kind == ErrorKind::kSystem || status.error().kind == ErrorKind::kDamaged) return false;
  return std::move(status).error();
}

bool has_own_checksum(ByteSpan page) {
  if (page.size() < sizeof(Le64)) return false;
  return load_struct<Le64>(page.last(sizeof(Le64))) == xxh3_64(page.first(page.size() - sizeof(Le64)));
}

// Whether the digests of an entry were written over with one byte, or never known: else they still say which frame it
// was, as a damage of both that leaves the frame alone hits whole sectors.
bool are_wiped(const FrameEntry& entry) {
  const auto is_one_byte = [](ByteSpan bytes) {
    return std::ranges::all_of(bytes, [&](std::byte b) { return b == bytes.front(); });
  };
  return is_one_byte(struct_bytes(entry.leaf)) && is_one_byte(struct_bytes(Le64(entry.xxh3)));
}

bool decodes_with_checksum(ByteSpan frame, MutableByteSpan content) {
  thread_local ZstdDecompressor decompressor;
  return has_checksum(frame) && decompressor.decompress(frame, content).ok();
}

}  // namespace

Result<Salvage> Salvage::open(const RandomReader& file, const DiskReader* donor) {
  Salvage salvage(file, donor, HX_TRY(find_layout(ReadableParts(file))));
  if (donor && donor->info().size < salvage.layout_.size)
    return usage_error(donor->name() + ": is smaller than the disk: " + std::to_string(donor->info().size) +
                       " bytes instead of " + std::to_string(salvage.layout_.size));
  if (donor) HX_TRY(salvage.find_level());
  return salvage;
}

// From the first frames that are good.
Status Salvage::find_level() {
  std::vector<std::byte> content;
  int learnt = 0;
  for (const FrameGroup& group : layout_.groups) {
    const auto raw = HX_TRY(page_bytes(file_, layout_, group));
    const auto page = intact_page(raw, layout_, group);
    std::vector<FrameEntry> entries = page ? page->entries : HX_TRY(place_frames(file_, layout_, group, raw));
    for (const FrameEntry& entry : entries) {
      if (entry.kind != Kind::kData || entry.extent.length > std::max<uint64_t>(layout_.chunk_size, 1)) continue;
      const auto frame = HX_TRY(stored_frame(entry));
      content.resize(entry.extent.length);
      if (!decodes_with_checksum(frame, content)) continue;
      HX_TRY(level_.learn(frame, content));
      if (level_.is_sure() || ++learnt == kFramesToLearnFrom) return {};
    }
  }
  return {};
}

Result<std::vector<std::byte>> Salvage::stored_frame(const FrameEntry& entry) const {
  std::vector<std::byte> frame;
  if (!fits_within(layout_.body_offset + entry.position, entry.compressed_size, layout_.file_size)) return frame;
  frame.resize(entry.compressed_size);
  if (!HX_TRY(was_read(file_.read_at(layout_.body_offset + entry.position, frame)))) frame.clear();
  return frame;
}

Result<bool> Salvage::read_donor(const Range& range, MutableByteSpan out) const {
  if (!donor_) return false;
  return was_read(donor_->read_at(range.offset, out));
}

Result<bool> Salvage::is_on_donor(const Range& range, ByteSpan content) const {
  std::vector<std::byte> there(content.size());
  return HX_TRY(read_donor(range, there)) && std::ranges::equal(there, content);
}

// The digests of an entry of a damaged page: from its frame if that is good, else from the page, where the donor shows
// that one of the two was not hit.
Result<Salvage::Described> Salvage::digests_of(FrameEntry raw) const {
  const auto frame = HX_TRY(stored_frame(raw));
  if (raw.compressed_size == zero_frame_size(raw.extent.length) &&
      (raw.kind == Kind::kZero || is_zero_frame(frame, raw.extent.length))) {
    raw.kind = Kind::kZero;
    raw.leaf = Digest{};
    raw.xxh3 = xxh3_64(make_zero_frame(raw.extent.length));
    return Described{raw, true};
  }
  std::vector<std::byte> content(raw.extent.length);
  if (decodes_with_checksum(frame, content)) {
    raw.xxh3 = xxh3_64(frame);
    raw.leaf = Sha256::of(content);
    return Described{raw, true};
  }
  if (!HX_TRY(read_donor(raw.extent, content))) return Described{raw};
  const Digest leaf = Sha256::of(content);
  const auto made = HX_TRY(level_.compress(content));
  const bool same_size = made.size() == raw.compressed_size;
  if (leaf == raw.leaf && same_size) raw.xxh3 = xxh3_64(made);
  if (same_size && xxh3_64(made) == raw.xxh3) raw.leaf = leaf;
  return Described{raw};
}

// The page once more from its frames: if it has the checksum that it must have, all of it is proven.
Result<std::vector<FoundFrame>> Salvage::rebuild_page(const FrameGroup& group, ByteSpan raw,
                                                      std::vector<FrameEntry> entries, bool all_placed,
                                                      bool is_foreign) const {
  IndexPage page;
  page.number = group.number;
  page.first_frame = group.frames.offset;
  bool all_are_good = all_placed;
  for (const FrameEntry& entry : entries) {
    const Described described = HX_TRY(digests_of(entry));
    page.entries.push_back(described.entry);
    all_are_good &= described.from_frame;
  }
  bool proven = false;
  if (all_placed) {
    const std::string frame = encode_page(page);
    const ByteSpan bytes = as_bytes(frame);
    const auto wanted = checksum_of_page(group, raw);
    // The directory has the checksum of the whole frame, the page that of what is before it.
    proven = wanted && *wanted == (group.page_xxh3 ? xxh3_64(bytes) : xxh3_64(bytes.first(bytes.size() - 8)));
  }
  // Every frame is good, and still that is not the page: one of them was written for another place, or snapshot.
  const bool is_mixed = (all_are_good && group.page_xxh3 && !proven) || is_foreign;
  std::vector<FoundFrame> found;
  for (size_t i = 0; i < entries.size(); ++i) {
    // What is not proven keeps the digests that the page has: a digest of the frame itself would prove nothing.
    FoundFrame frame{proven ? page.entries[i] : entries[i], proven};
    frame.needs_digest = is_mixed || !are_wiped(entries[i]);
    frame.entry.kind = page.entries[i].kind;
    found.push_back(std::move(frame));
  }
  return found;
}

Result<GroupOfFrames> Salvage::frames(size_t number) const {
  const FrameGroup& group = layout_.groups[number];
  GroupOfFrames out;
  auto raw = HX_TRY(page_bytes(file_, layout_, group));
  if (const auto page = intact_page(raw, layout_, group)) {
    for (const FrameEntry& entry : page->entries) out.frames.push_back({entry, true});
    out.is_complete = true;
    return out;
  }
  out.page_was_damaged = layout_.chunk_size > 0;
  // A page that is as somebody wrote it, and not the one of the directory: its digests would fit frames of the same
  // stranger.
  const bool is_foreign = group.page_xxh3 && has_own_checksum(raw);
  if (is_foreign) raw.clear();
  auto entries = HX_TRY(place_frames(file_, layout_, group, raw));
  const bool all_placed = group.entry_count > 0 && entries.size() == group.entry_count;
  out.frames = HX_TRY(rebuild_page(group, raw, std::move(entries), all_placed, is_foreign));
  out.is_complete = all_placed && !out.frames.empty() && out.frames.front().is_proven;
  return out;
}

Result<Salvage::Content> Salvage::read_content(const FoundFrame& found, MutableByteSpan out) const {
  thread_local ZstdDecompressor decompressor;
  const auto frame = HX_TRY(stored_frame(found.entry));
  if (decompressor.decompress(frame, out).ok()) {
    if (Sha256::of(out) == found.entry.leaf) return Content::kFromFrame;
    if (!found.is_proven && has_checksum(frame)) {
      if (xxh3_64(frame) == found.entry.xxh3) return Content::kFromFrame;
      if (!found.needs_digest)
        return HX_TRY(is_on_donor(found.entry.extent, out)) ? Content::kFromFrame : Content::kUnproven;
    }
  }
  if (HX_TRY(read_donor(found.entry.extent, out)) && Sha256::of(out) == found.entry.leaf) return Content::kFromDonor;
  return Content::kLost;
}

Salvage::Content Salvage::judge_zeros(const FoundFrame& found) {
  if (found.is_proven || found.entry.xxh3 == xxh3_64(make_zero_frame(found.entry.extent.length)))
    return Content::kFromFrame;
  return found.needs_digest && are_wiped(found.entry) ? Content::kLost : Content::kUnproven;
}

Result<std::optional<std::vector<std::byte>>> Salvage::frame_bytes(const FoundFrame& found) const {
  using Bytes = std::optional<std::vector<std::byte>>;
  if (!found.is_proven) return Bytes();
  if (found.entry.kind == Kind::kZero) return Bytes(make_zero_frame(found.entry.extent.length));
  auto stored = HX_TRY(stored_frame(found.entry));
  if (!stored.empty() && xxh3_64(stored) == found.entry.xxh3) return Bytes(std::move(stored));
  std::vector<std::byte> content(found.entry.extent.length);
  if (HX_TRY(read_content(found, content)) == Content::kLost) return Bytes();
  auto made = HX_TRY(level_.compress(content));
  if (made.size() != found.entry.compressed_size || xxh3_64(made) != found.entry.xxh3) return Bytes();
  return Bytes(std::move(made));
}

}  // namespace hx
