#include "snapshot/written_prefix.h"

#include <algorithm>

#include "codec/zstd_codec.h"
#include "hash/xxh3.h"

namespace hx {
namespace {

constexpr uint64_t kPageOverhead = sizeof(mirn::SkippableHeader) + sizeof(mirn::PageHeader) + sizeof(Le64);
constexpr uint64_t kEntrySize = sizeof(mirn::PageEntry) + sizeof(mirn::PageExtent);

}  // namespace

Error WrittenPrefix::bad(uint64_t position, const std::string& what) const {
  return damaged(file_->name() + ": at " + std::to_string(header_.body_offset() + position) + ": " + what);
}

Result<WrittenPrefix> WrittenPrefix::read(std::shared_ptr<const RandomReader> file, uint64_t end) {
  WrittenPrefix prefix(std::move(file));
  prefix.header_ = HX_TRY(read_header(*prefix.file_));
  if (!prefix.header_.hx || prefix.header_.version != mirn::kVersion || end < prefix.header_.body_offset())
    return damaged(prefix.file_->name() + ": is no snapshot that can be gone on with");
  prefix.end_ = end;
  uint64_t position = end - prefix.header_.body_offset();
  uint32_t number = 0;
  while (position > 0) {
    const uint32_t number_behind = number;
    prefix.pages_.push_back(HX_TRY(prefix.page_before(position, number, position)));
    const bool in_order = prefix.pages_.size() == 1 || number + 1 == number_behind;
    if (!in_order || (number == 0) != (position == 0)) return prefix.bad(position, "the index pages do not follow");
  }
  std::ranges::reverse(prefix.pages_);
  for (const mirn::PageRef& ref : prefix.pages_) {
    if (ref.begin != prefix.from_) return prefix.bad(ref.offset, "a group does not begin where the one before it ends");
    prefix.from_ = HX_TRY(prefix.page(ref)).end();
  }
  return prefix;
}

// A page's length follows from how many entries it has: what stands at one of these places with the right magic,
// length, position and checksum is the page.
Result<mirn::PageRef> WrittenPrefix::page_before(uint64_t position, uint32_t& number, uint64_t& first_frame) const {
  std::vector<std::byte> window(std::min(position, kPageOverhead + mirn::kMaxPageEntries * kEntrySize));
  HX_TRY(file_->read_at(header_.body_offset() + position - window.size(), window));
  for (uint64_t size = kPageOverhead + kEntrySize; size <= window.size(); size += kEntrySize) {
    const ByteSpan frame = ByteSpan(window).last(size);
    if (load_struct<mirn::SkippableHeader>(frame).magic != mirn::kPageMagic) continue;
    const Result<IndexPage> page = decode_page(frame, shape());
    if (!page.ok() || page.value().frames_end() != position - size) continue;
    mirn::PageRef ref;
    ref.offset = position - size;
    ref.begin = page.value().begin();
    ref.size = static_cast<uint32_t>(size);
    ref.entry_count = static_cast<uint32_t>(page.value().entries.size());
    ref.xxh3 = xxh3_64(frame);
    number = page.value().number;
    first_frame = page.value().first_frame;
    return ref;
  }
  return bad(position, "no index page ends here");
}

Result<IndexPage> WrittenPrefix::page(const mirn::PageRef& ref) const {
  std::vector<std::byte> frame(ref.size);
  HX_TRY(file_->read_at(header_.body_offset() + ref.offset, frame));
  if (xxh3_64(frame) != ref.xxh3) return bad(ref.offset, "an index page that changes");
  auto page = decode_page(frame, shape());
  return page.ok() ? std::move(page) : Result<IndexPage>(bad(ref.offset, "the index page " + page.error().message));
}

Status WrittenPrefix::read_content(uint64_t begin, const Take& take) const {
  ZstdDecompressor zstd;
  std::vector<std::byte> frame, content;
  for (size_t i = 0; i < pages_.size(); ++i) {
    if (i + 1 < pages_.size() && pages_[i + 1].begin <= begin) continue;
    for (FrameEntry entry : HX_TRY(page(pages_[i])).entries) {
      if (entry.extent.end() <= begin) continue;
      if (entry.kind == Kind::kZero) {  // a run may begin before
        const uint64_t from = std::max(begin, entry.extent.offset);
        entry.extent = {from, entry.extent.end() - from};
        HX_TRY(take(entry, {}));
        continue;
      }
      if (entry.extent.offset < begin) return bad(entry.position, "a digest ends inside this frame");
      frame.resize(entry.compressed_size);
      content.resize(entry.extent.length);
      HX_TRY(file_->read_at(header_.body_offset() + entry.position, frame));
      if (xxh3_64(frame) != entry.xxh3) return bad(entry.position, "a frame does not match its checksum");
      if (Status decoded = zstd.decompress(frame, content); !decoded)
        return bad(entry.position, decoded.error().message);
      HX_TRY(take(entry, content));
    }
  }
  return {};
}

}  // namespace hx
