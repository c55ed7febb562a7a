#include "snapshot/snapshot_reader.h"

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/checked_math.h"
#include "codec/seek_table.h"
#include "codec/zero_frame.h"
#include "codec/zstd_codec.h"
#include "hash/digest_tree.h"
#include "hash/sha256.h"
#include "hash/xxh3.h"
#include "snapshot/index_check.h"

namespace hx {
namespace {

constexpr size_t kCachedPages = 8;
std::atomic<uint64_t> next_id = 1;

// The bytes of [position, position + length) of the file, which the caller has found to be inside.
Result<std::vector<std::byte>> read_bytes(const RandomReader& file, uint64_t position, uint64_t length) {
  std::vector<std::byte> bytes(length);
  HX_TRY(file.read_at(position, bytes));
  return bytes;
}

std::string chunk_name(const FrameEntry& entry) {
  return "the chunk at disk offset " + std::to_string(entry.extent.offset) + " ";
}

}  // namespace

Error SnapshotReader::bad(uint64_t body_position, const std::string& what) const {
  return damaged(name() + ": at " + std::to_string(in_file(body_position)) + ": " + what);
}

SnapshotReader::SnapshotReader(std::shared_ptr<const RandomReader> file, SnapshotHeader header)
    : file_(std::move(file)), header_(std::move(header)), id_(next_id++) {
  info_.key = "disk0";
  info_.name = header_.name.empty() ? "" : to_leaf_name(header_.name);
  info_.size = header_.size;
}

Result<std::shared_ptr<SnapshotReader>> SnapshotReader::open(std::shared_ptr<const RandomReader> file) {
  SnapshotHeader header = HX_TRY(read_header(*file));
  return open(std::move(file), std::move(header));
}

Result<std::shared_ptr<SnapshotReader>> SnapshotReader::open(std::shared_ptr<const RandomReader> file,
                                                             SnapshotHeader header) {
  if (!header.hx) return unsupported(file->name() + ": has no index");
  std::shared_ptr<SnapshotReader> reader(new SnapshotReader(std::move(file), std::move(header)));
  HX_TRY(reader->load_directory());
  HX_TRY(reader->check_header());
  const HxFields& hx = *reader->header_.hx;
  reader->info_.kind = hx.kind;
  reader->info_.state = hx.state;
  reader->info_.parent_state = hx.parent_state;
  reader->info_.change_token = hx.change_token;
  reader->info_.parent_change_token = hx.parent_change_token;
  reader->info_.consistency = hx.consistency;
  if (hx.kind == DiskKind::kDelta) reader->info_.chunk_size = hx.chunk_size;
  return reader;
}

// From the end backwards: seek table, directory's tail, directory.
Status SnapshotReader::load_directory() {
  file_size_ = HX_TRY(file_->size());
  const uint64_t body = header_.body_offset();
  const auto missing = [&] {
    return damaged(name() + ": at " + std::to_string(file_size_) + ": the index is missing: cut short");
  };
  if (file_size_ < body + sizeof(mirn::DirectoryTail)) return missing();
  seek_table_at_ = file_size_;
  const auto end = HX_TRY(read_bytes(*file_, file_size_ - sizeof(SeekTableFooter), sizeof(SeekTableFooter)));
  const auto footer = load_struct<SeekTableFooter>(end);
  if (footer.magic == kSeekFooterMagic && seek_table_size(footer.frame_count) <= file_size_ - body)
    seek_table_at_ -= seek_table_size(footer.frame_count);
  if (seek_table_at_ < body + sizeof(mirn::DirectoryTail)) return missing();
  const auto tail_bytes =
      HX_TRY(read_bytes(*file_, seek_table_at_ - sizeof(mirn::DirectoryTail), sizeof(mirn::DirectoryTail)));
  const auto tail = load_struct<mirn::DirectoryTail>(tail_bytes);
  if (std::memcmp(tail.magic, mirn::kTailMagic, sizeof tail.magic) != 0) return missing();
  const uint64_t directory_end = seek_table_at_ - body;
  if (tail.offset >= directory_end || directory_end - tail.offset > mirn::kMaxDirectoryContent)
    return bad(directory_end - sizeof tail, "the directory is out of place");
  const auto frame = HX_TRY(read_bytes(*file_, in_file(tail.offset), directory_end - tail.offset));
  auto directory = decode_directory(frame);
  if (!directory) return bad(tail.offset, "the directory " + std::move(directory).error().message);
  directory_ = std::move(directory).value();
  return {};
}

Status SnapshotReader::check_header() const {
  Status status = check_header_against(header_, directory_);
  return status ? Status() : std::move(status).error().within(name());
}

Result<std::shared_ptr<const IndexPage>> SnapshotReader::load_page(size_t number) const {
  const mirn::PageRef& ref = directory_.pages[number];
  if (ref.size > mirn::kMaxPageContent2 + sizeof(mirn::SkippableHeader) ||
      !fits_within(ref.offset, ref.size, directory_.position))
    return bad(directory_.position, "index page " + std::to_string(number) + " is out of place");
  const auto frame = HX_TRY(read_bytes(*file_, in_file(ref.offset), ref.size));
  auto page = decode_page(frame, shape());
  if (!page) return bad(ref.offset, "index page " + std::to_string(number) + " " + std::move(page).error().message);
  if (ref.xxh3 != xxh3_64(frame) || page->number != number || page->entries.size() != ref.entry_count ||
      page->begin() != ref.begin || page->first_frame > ref.offset || page->frames_end() != ref.offset)
    return bad(ref.offset, "index page " + std::to_string(number) + " does not match the directory");
  return std::make_shared<const IndexPage>(std::move(page).value());
}

Result<std::shared_ptr<const IndexPage>> SnapshotReader::page(size_t number) const {
  {
    std::lock_guard lock(mutex_);
    for (const CachedPage& cached : cache_)
      if (cached.number == number) return cached.page;
  }
  auto page = HX_TRY(load_page(number));
  std::lock_guard lock(mutex_);
  cache_.push_front({number, page});
  if (cache_.size() > kCachedPages) cache_.pop_back();
  return page;
}

size_t SnapshotReader::page_of(uint64_t offset) const {
  const auto& pages = directory_.pages;
  const auto after = std::upper_bound(pages.begin(), pages.end(), offset,
                                      [](uint64_t at, const mirn::PageRef& ref) { return at < ref.begin; });
  return static_cast<size_t>(after - pages.begin()) - (after == pages.begin() ? 0 : 1);
}

Status SnapshotReader::check_zero_frames(const IndexPage& page) const {
  std::vector<std::byte> frame;
  for (const FrameEntry& entry : page.entries) {
    if (entry.kind != Kind::kZero) continue;
    frame.resize(entry.extents_size);
    HX_TRY(file_->read_at(in_file(entry.begin()), frame));
    HX_TRY(check_extents(entry, frame));
    if (entry.compressed_size == 0) continue;
    frame.resize(entry.compressed_size);
    HX_TRY(file_->read_at(in_file(entry.position), frame));
    if (!is_zero_frame(frame, entry.extent.length) || xxh3_64(frame) != entry.xxh3)
      return bad(entry.position, "a zero frame is damaged");
  }
  return {};
}

Status SnapshotReader::verify_index() const {
  IndexCheck check(shape());
  for (size_t i = 0; i < page_count(); ++i) {
    const auto page = HX_TRY(load_page(i));
    Status status = check.add_page(*page, directory_.pages[i]);
    if (!status) return bad(directory_.pages[i].offset, std::move(status).error().message);
    HX_TRY(check_zero_frames(*page));
  }
  HX_TRY(machine_files());
  Status status = check.finish(directory_, directory_frame_size());
  if (!status) return bad(directory_.position, std::move(status).error().message);
  SeekTableCheck& seek_table = check.seek_table();
  if (seek_table.size() != file_size_ - seek_table_at_)
    return damaged(name() + ": at " + std::to_string(seek_table_at_) +
                   ": the seek table is missing or has a wrong length");
  std::vector<std::byte> piece(kMiB);
  for (uint64_t at = seek_table_at_; at < file_size_;) {
    const MutableByteSpan part = MutableByteSpan(piece).first(std::min<uint64_t>(piece.size(), file_size_ - at));
    HX_TRY(file_->read_at(at, part));
    seek_table.update(part);
    at += part.size();
  }
  status = seek_table.is_due() ? seek_table.finish() : Status();
  if (!status)
    return damaged(name() + ": at " + std::to_string(seek_table_at_) + ": " + std::move(status).error().message);
  return {};
}

Result<std::vector<MachineFile>> SnapshotReader::machine_files() const {
  std::vector<MachineFile> files;
  uint64_t at = directory_.pages.empty() ? 0 : directory_.pages.back().offset + directory_.pages.back().size;
  for (const DirectoryFile& entry : directory_.files) {
    const uint64_t size = sizeof(mirn::SkippableHeader) + entry.size;
    if (!fits_within(at, size, directory_.position)) return bad(at, "a machine file is out of place");
    const auto frame = HX_TRY(read_bytes(*file_, in_file(at), size));
    const ByteSpan content = ByteSpan(frame).subspan(sizeof(mirn::SkippableHeader));
    if (as_text(frame) != encode_machine_file(as_text(content)) || Sha256::of(content) != entry.digest)
      return bad(at, "the machine file " + entry.name + " is damaged");
    files.push_back({entry.name, std::string(as_text(content))});
    at += size;
  }
  if (at != directory_.position) return bad(at, "something stands between the last frame and the directory");
  return files;
}

Status SnapshotReader::check_extents(const FrameEntry& entry, ByteSpan frame) const {
  if (entry.extents_size == 0 || as_text(frame) == encode_extents(entry)) return {};
  return bad(entry.begin(), "the extents at disk offset " + std::to_string(entry.extent.offset) + " are damaged");
}

// As they stand in the file; until this thread reads the next.
Result<ByteSpan> SnapshotReader::read_frame(const FrameEntry& entry) const {
  thread_local std::vector<std::byte> both;
  both.resize(entry.extents_size + entry.compressed_size);
  HX_TRY(file_->read_at(in_file(entry.begin()), both));
  HX_TRY(check_extents(entry, ByteSpan(both).first(entry.extents_size)));
  const ByteSpan frame = ByteSpan(both).subspan(entry.extents_size);
  if (xxh3_64(frame) != entry.xxh3) return bad(entry.position, chunk_name(entry) + "does not match its checksum");
  return frame;
}

Status SnapshotReader::check_frame(const FrameEntry& entry) const {
  HX_TRY(read_frame(entry));
  return {};
}

Status SnapshotReader::read_frame_content(const FrameEntry& entry, MutableByteSpan content) const {
  thread_local ZstdDecompressor decompressor;
  const ByteSpan frame = HX_TRY(read_frame(entry));
  Status status = decompressor.decompress(frame, content);
  if (!status)
    return bad(entry.position, chunk_name(entry) + "does not decompress: " + std::move(status).error().message);
  if (Sha256::of(content) != entry.leaf) return bad(entry.position, chunk_name(entry) + "does not match its digest");
  return {};
}

Result<ExtentList> SnapshotReader::map(uint64_t from, uint64_t to) const {
  ExtentList list;
  if (from >= to) return list;
  uint64_t end = from;  // what lies between extents is absent: only in a delta there is any
  const auto add = [&](uint64_t begin, uint64_t until, Kind kind) -> Status {
    begin = std::max(begin, from), until = std::min(until, to);
    if (begin >= until) return {};
    if (begin > end) HX_TRY(list.append({end, begin - end, Kind::kAbsent}));
    end = until;
    return list.append({begin, until - begin, kind});
  };
  for (size_t i = page_of(from); i < page_count() && directory_.pages[i].begin < to; ++i) {
    const auto page = HX_TRY(this->page(i));
    auto entry =
        std::ranges::partition_point(page->entries, [&](const FrameEntry& e) { return e.extent.end() <= from; });
    for (; entry != page->entries.end() && entry->extent.offset < to; ++entry) {
      if (entry->extents.empty()) HX_TRY(add(entry->extent.offset, entry->extent.end(), entry->kind));
      for (const MapEntry& extent : entry->extents) HX_TRY(add(extent.offset, extent.end(), extent.kind));
    }
  }
  if (info_.kind == DiskKind::kDelta && end < to) HX_TRY(list.append({end, to - end, Kind::kAbsent}));
  return list;
}

Result<const FrameEntry*> SnapshotReader::entry_at(uint64_t offset, std::shared_ptr<const IndexPage>& page) const {
  const size_t number = page_of(offset);
  if (number >= page_count()) return nullptr;
  page = HX_TRY(this->page(number));
  const auto entry =
      std::ranges::partition_point(page->entries, [&](const FrameEntry& e) { return e.extent.end() <= offset; });
  return entry == page->entries.end() ? nullptr : &*entry;
}

// The content of the frame is kept until this thread reads another: small reads follow each other, and a delta's
// extents are read one by one. How many bytes of out the entry had.
Result<uint64_t> SnapshotReader::read_part(const FrameEntry& entry, uint64_t offset, MutableByteSpan out) const {
  thread_local std::vector<std::byte> content;
  thread_local std::pair<uint64_t, uint64_t> kept;  // reader, position
  if (entry.kind == Kind::kData && kept != std::pair(id_, entry.position)) {
    kept = {};
    content.resize(entry.content_size());
    HX_TRY(read_frame_content(entry, content));
    kept = {id_, entry.position};
  }
  const std::vector<MapEntry> whole = {{entry.extent.offset, entry.extent.length, entry.kind}};
  uint64_t in_content = 0, done = 0;
  for (const MapEntry& extent : entry.extents.empty() ? whole : entry.extents) {
    const uint64_t begin = std::max(offset, extent.offset), end = std::min(offset + out.size(), extent.end());
    if (begin < end) {
      const MutableByteSpan part = out.subspan(begin - offset, end - begin);
      if (extent.kind == Kind::kData)
        std::memcpy(part.data(), content.data() + in_content + (begin - extent.offset), part.size());
      else
        std::ranges::fill(part, std::byte{0});
      done += part.size();
    }
    if (extent.kind == Kind::kData) in_content += extent.length;
  }
  return done;
}

Status SnapshotReader::overlay(uint64_t offset, MutableByteSpan out) const {
  const uint64_t end = offset + out.size();
  for (uint64_t at = offset; at < end;) {
    std::shared_ptr<const IndexPage> page;
    const FrameEntry* const entry = HX_TRY(entry_at(at, page));
    if (!entry) {  // what follows is in the next page, if anywhere
      const size_t next = page_of(at) + 1;
      if (next >= page_count()) return {};
      at = std::max(at, uint64_t{directory_.pages[next].begin});
      continue;
    }
    if (entry->extent.offset >= end) return {};
    const uint64_t from = std::max(at, entry->extent.offset), until = std::min(end, entry->extent.end());
    HX_TRY(read_part(*entry, from, out.subspan(from - offset, until - from)));
    at = until;
  }
  return {};
}

Status SnapshotReader::read_at(uint64_t offset, MutableByteSpan out) const {
  if (!fits_within(offset, out.size(), info_.size)) return bug(name() + ": a read behind the disk's end");
  while (!out.empty()) {
    std::shared_ptr<const IndexPage> page;
    const FrameEntry* const entry = HX_TRY(entry_at(offset, page));
    if (!entry || offset < entry->extent.offset)
      return info_.kind == DiskKind::kDelta ? bug(name() + ": a read of what a delta does not say")
                                            : bad(directory_.position, "the index does not cover the disk");
    const uint64_t length = std::min<uint64_t>(out.size(), entry->extent.end() - offset);
    const MutableByteSpan part = out.first(length);
    bool is_said = true;
    if (entry->kind == Kind::kZero && entry->extents.empty())
      std::ranges::fill(part, std::byte{0});
    else if (entry->extents.empty() && length == entry->extent.length)
      HX_TRY(read_frame_content(*entry, part));
    else
      is_said = HX_TRY(read_part(*entry, offset, part)) == part.size();
    if (!is_said) return bug(name() + ": a read of what a delta does not say");
    offset += length;
    out = out.subspan(length);
  }
  return {};
}

}  // namespace hx
