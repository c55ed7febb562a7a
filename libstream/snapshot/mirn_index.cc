#include "snapshot/mirn_index.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "base/checked_math.h"
#include "base/json.h"
#include "codec/zero_frame.h"
#include "codec/zstd_codec.h"
#include "hash/xxh3.h"

namespace hx {
namespace {

using namespace mirn;

template <class T>
void append(std::string& out, const T& value) {
  out += as_text(struct_bytes(value));
}

void begin_skippable(std::string& out, uint32_t magic, uint64_t content_size) {
  SkippableHeader header;
  header.magic = magic;
  header.content_size = static_cast<uint32_t>(content_size);
  append(out, header);
}

// Takes structs off the front of a span, checked.
class Cursor {
 public:
  explicit Cursor(ByteSpan bytes) : rest_(bytes) {}
  template <class T>
  Result<T> take() {
    if (rest_.size() < sizeof(T)) return damaged("is cut short");
    const T value = load_struct<T>(rest_);
    rest_ = rest_.subspan(sizeof(T));
    return value;
  }
  Result<ByteSpan> take_bytes(uint64_t count) {
    if (rest_.size() < count) return damaged("is cut short");
    const ByteSpan bytes = rest_.first(count);
    rest_ = rest_.subspan(count);
    return bytes;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  ByteSpan rest_;
};

// The skippable frame's content, its length and magic checked.
Result<Cursor> open_skippable(ByteSpan frame, uint32_t magic, uint64_t max_content) {
  if (frame.size() < sizeof(SkippableHeader)) return damaged("is cut short");
  const auto header = load_struct<SkippableHeader>(frame);
  if (header.magic != magic) return damaged("is not where it should be");
  if (header.content_size != frame.size() - sizeof header || header.content_size > max_content)
    return damaged("has a wrong length");
  return Cursor(frame.subspan(sizeof header));
}

bool is_on_grid(const Range& e, const IndexShape& shape) {
  return e.offset % shape.chunk_size == 0 && (e.end() % shape.chunk_size == 0 || e.end() == shape.size);
}

// Of a run of whole chunks, or a chunk. A delta has its zeros in no frame.
Status check_whole(const FrameEntry& entry, const IndexShape& shape) {
  const Range& e = entry.extent;
  if (!is_on_grid(e, shape)) return damaged("has an extent off the grid");
  if (entry.kind == Kind::kData) {
    if (e.length > shape.chunk_size || entry.compressed_size > max_frame_size(e.length) || entry.compressed_size == 0)
      return damaged("has a data frame of impossible size");
    return {};
  }
  const uint64_t size = shape.layout == IndexLayout::kDelta ? 0 : zero_frame_size(e.length);
  if (e.length > kMaxZeroFrame || entry.compressed_size != size || entry.leaf != Digest{} ||
      (size == 0 && entry.xxh3 != 0))
    return damaged("has a malformed zero frame");
  return {};
}

// Of a part of a chunk. decode_entry() has seen that the extents are in order.
Status check_part(const FrameEntry& entry, const IndexShape& shape) {
  const Range& e = entry.extent;
  if (align_down(e.offset, shape.chunk_size) != align_down(e.end() - 1, shape.chunk_size))
    return damaged("has extents of several chunks in one frame");
  const uint64_t content = entry.content_size();
  if ((content > 0) != (entry.kind == Kind::kData)) return damaged("has an entry that contradicts itself");
  if (content == 0 && (entry.compressed_size != 0 || entry.xxh3 != 0 || entry.leaf != Digest{}))
    return damaged("has a frame of zeros");
  if (content > 0 && (entry.compressed_size == 0 || entry.compressed_size > max_frame_size(content)))
    return damaged("has a data frame of impossible size");
  return {};
}

// Does an entry agree with the shape and with its neighbour before, which ends at `end`?
Status check_entry(const FrameEntry& entry, uint64_t end, const IndexShape& shape) {
  const Range& e = entry.extent;
  if (e.length == 0 || !fits_within(e.offset, e.length, shape.size)) return damaged("has an extent out of place");
  if (shape.layout != IndexLayout::kDelta) {
    if (e.offset != end) return damaged("has an extent out of place");
    return check_whole(entry, shape);
  }
  // At most one entry a chunk.
  if (e.offset < end || (end % shape.chunk_size != 0 && e.offset / shape.chunk_size == end / shape.chunk_size))
    return damaged("has an extent out of place");
  if (!entry.extents.empty() || !is_on_grid(e, shape)) return check_part(entry, shape);
  if (entry.result) return damaged("says what follows from the rest");
  return check_whole(entry, shape);
}

// Where the entry before one would end, were it there: of the first one of a page nothing else is known.
uint64_t due_begin(const FrameEntry& entry, const IndexShape& shape) {
  return shape.layout == IndexLayout::kDelta ? align_down(entry.extent.offset, shape.chunk_size) : entry.extent.offset;
}

Result<Kind> decode_kind(uint32_t kind) {
  if (kind > 1) return damaged("has an unknown kind of entry");
  return kind == 0 ? Kind::kData : Kind::kZero;
}

Result<FrameEntry> decode_entry(Cursor& cursor, const IndexShape& shape) {
  const auto raw = HX_TRY(cursor.take<PageEntry>());
  const bool is_delta = shape.layout == IndexLayout::kDelta;
  if (raw.extent_count == 0 || raw.extent_count > (is_delta ? kMaxExtents : 1) ||
      raw.flags > (is_delta ? kHasResult : 0))
    return damaged("has an unknown kind of entry");
  FrameEntry entry;
  entry.compressed_size = raw.compressed_size;
  entry.kind = HX_TRY(decode_kind(raw.kind));
  entry.xxh3 = raw.xxh3;
  entry.leaf = raw.leaf;
  ExtentList list;
  for (uint32_t i = 0; i < raw.extent_count; ++i) {
    const auto extent = HX_TRY(cursor.take<PageExtent>());
    HX_TRY(list.append({extent.offset, extent.length, HX_TRY(decode_kind(extent.kind))}));
  }
  const std::vector<MapEntry>& extents = list.entries();
  if (extents.size() != raw.extent_count) return damaged("has extents that should be one");
  if (extents.size() == 1 && extents[0].kind != entry.kind) return damaged("has an entry that contradicts itself");
  entry.extent = {extents.front().offset, extents.back().end() - extents.front().offset};
  if (raw.flags & kHasResult) entry.result = HX_TRY(cursor.take<Digest>());
  if (extents.size() > 1) entry.extents = std::move(list).entries();
  if (shape.layout != IndexLayout::kVersion1) entry.extents_size = extents_frame_size(entry);
  return entry;
}

void append_entry(std::string& out, const FrameEntry& e) {
  PageEntry entry;
  entry.compressed_size = e.compressed_size;
  entry.extent_count = static_cast<uint16_t>(std::max<size_t>(e.extents.size(), 1));
  entry.kind = static_cast<uint8_t>(e.kind);
  entry.flags = e.result ? kHasResult : 0;
  entry.xxh3 = e.xxh3;
  entry.leaf = e.leaf;
  append(out, entry);
  const auto append_extent = [&out](uint64_t offset, uint64_t length, Kind kind) {
    PageExtent extent;
    extent.offset = offset;
    extent.length = static_cast<uint32_t>(length);
    extent.kind = static_cast<uint32_t>(kind);
    append(out, extent);
  };
  if (e.extents.empty()) append_extent(e.extent.offset, e.extent.length, e.kind);
  for (const MapEntry& extent : e.extents) append_extent(extent.offset, extent.length, extent.kind);
  if (e.result) append(out, *e.result);
}

uint64_t entry_size(const FrameEntry& e) {
  return sizeof(PageEntry) + std::max<size_t>(e.extents.size(), 1) * sizeof(PageExtent) +
         (e.result ? sizeof(Digest) : 0);
}

Json files_json(const std::vector<DirectoryFile>& files) {
  Json list = Json::array();
  for (const DirectoryFile& file : files)
    list.push_back({{"name", file.name}, {"size", file.size}, {"sha256", file.digest.hex()}});
  return list;
}

Result<std::vector<DirectoryFile>> parse_files(std::string_view text) {
  std::vector<DirectoryFile> files;
  const Json list = HX_TRY(parse_json(text));
  if (!list.is_array() || list.size() > kMaxMachineFileCount) return damaged("has a malformed list of files");
  uint64_t total = 0;
  std::set<std::string> names;
  for (const Json& item : list) {
    DirectoryFile file;
    file.name = HX_TRY(json_string(item, "name"));
    file.size = HX_TRY(json_u64(item, "size"));
    const auto digest = parse_digest(HX_TRY(json_string(item, "sha256")));
    if (!digest || file.size > kMaxMachineFile || !is_leaf_name(file.name) || !names.insert(file.name).second)
      return damaged("has a malformed list of files");
    file.digest = *digest;
    total += file.size;
    if (total > kMaxMachineFiles) return damaged("has too many files");
    files.push_back(std::move(file));
  }
  return files;
}

}  // namespace

std::string encode_page(const IndexPage& page) {
  std::string frame;
  uint64_t content = sizeof(PageHeader) + 8;
  for (const FrameEntry& entry : page.entries) content += entry_size(entry);
  begin_skippable(frame, kPageMagic, content);
  PageHeader header;
  std::memcpy(header.tag, kPageTag, sizeof kPageTag);
  header.number = page.number;
  header.entry_count = static_cast<uint32_t>(page.entries.size());
  header.first_frame = page.first_frame;
  append(frame, header);
  for (const FrameEntry& e : page.entries) append_entry(frame, e);
  append(frame, Le64(xxh3_64(as_bytes(frame))));
  return frame;
}

Result<IndexPage> decode_page(ByteSpan frame, const IndexShape& shape) {
  const bool is_delta = shape.layout == IndexLayout::kDelta;
  Cursor cursor = HX_TRY(open_skippable(frame, kPageMagic, is_delta ? kMaxPageContent2 : kMaxPageContent));
  const auto header = HX_TRY(cursor.take<PageHeader>());
  if (std::memcmp(header.tag, kPageTag, sizeof kPageTag) != 0) return damaged("is not an index page");
  if (header.entry_count == 0 || header.entry_count > kMaxPageEntries) return damaged("has an impossible entry count");
  IndexPage page;
  page.number = header.number;
  page.first_frame = header.first_frame;
  page.entries.reserve(header.entry_count);
  uint64_t position = header.first_frame;
  for (uint32_t i = 0; i < header.entry_count; ++i) {
    FrameEntry entry = HX_TRY(decode_entry(cursor, shape));
    HX_TRY(check_entry(entry, i == 0 ? due_begin(entry, shape) : page.end(), shape));
    entry.position = position + entry.extents_size;
    position = entry.end();
    page.entries.push_back(std::move(entry));
  }
  const Le64 checksum = HX_TRY(cursor.take<Le64>());
  if (!cursor.at_end() || checksum != xxh3_64(frame.first(frame.size() - 8)))
    return damaged("does not match its checksum");
  return page;
}

uint64_t FrameEntry::bytes_of(Kind wanted) const {
  if (extents.empty()) return kind == wanted ? extent.length : 0;
  uint64_t sum = 0;
  for (const MapEntry& piece : extents) sum += piece.kind == wanted ? piece.length : 0;
  return sum;
}

IndexLayout layout_of(uint32_t version, DiskKind kind) {
  if (version == kVersion) return IndexLayout::kVersion1;
  return kind == DiskKind::kDelta ? IndexLayout::kDelta : IndexLayout::kFull;
}

bool is_whole(const FrameEntry& entry, const IndexShape& shape) {
  return entry.extents.empty() && is_on_grid(entry.extent, shape);
}

void normalize(FrameEntry& entry, std::vector<MapEntry> extents, const IndexShape& shape) {
  entry.extent = {extents.front().offset, extents.back().end() - extents.front().offset};
  entry.kind = Kind::kZero;
  for (const MapEntry& extent : extents)
    if (extent.kind == Kind::kData) entry.kind = Kind::kData;
  entry.extents.clear();
  if (extents.size() > 1) entry.extents = std::move(extents);
  if (is_whole(entry, shape)) entry.result.reset();
}

uint32_t extents_frame_size(const FrameEntry& entry) {
  return static_cast<uint32_t>(sizeof(SkippableHeader) + entry_size(entry) + 8);
}

std::string encode_extents(const FrameEntry& entry) {
  std::string frame;
  begin_skippable(frame, kExtentsMagic, entry_size(entry) + 8);
  append_entry(frame, entry);
  append(frame, Le64(xxh3_64(as_bytes(frame))));
  return frame;
}

Result<FrameEntry> decode_extents(ByteSpan frame, const IndexShape& shape) {
  Cursor cursor = HX_TRY(open_skippable(frame, kExtentsMagic, kMaxExtentsContent));
  FrameEntry entry = HX_TRY(decode_entry(cursor, shape));
  HX_TRY(check_entry(entry, due_begin(entry, shape), shape));
  const Le64 checksum = HX_TRY(cursor.take<Le64>());
  if (!cursor.at_end() || checksum != xxh3_64(frame.first(frame.size() - 8)))
    return damaged("does not match its checksum");
  return entry;
}

EntriesDigest::EntriesDigest(const IndexShape& shape) {
  struct {
    char tag[8] = {'H', 'X', 'D', 'E', 'L', 'T', 'A', '1'};
    Le64 size;
    Le32 chunk_size;
  } input;
  input.size = shape.size;
  input.chunk_size = shape.chunk_size;
  hasher_.update(struct_bytes(input));
}

void EntriesDigest::add(const FrameEntry& entry) {
  std::string bytes;
  append_entry(bytes, entry);
  hasher_.update(as_bytes(bytes));
}

std::string encode_machine_file(std::string_view content) {
  std::string frame;
  begin_skippable(frame, kMachineFileMagic, content.size());
  frame += content;
  return frame;
}

PageRef ref_of_page(const IndexPage& page, uint64_t position, std::string_view encoded) {
  PageRef ref;
  ref.offset = position;
  ref.begin = page.begin();
  ref.size = static_cast<uint32_t>(encoded.size());
  ref.entry_count = static_cast<uint32_t>(page.entries.size());
  ref.xxh3 = xxh3_64(as_bytes(encoded));
  return ref;
}

std::string encode_directory(const Directory& d) {
  const std::string files = dump_json(files_json(d.files));
  const bool is_version_2 = d.version == kVersion2;
  std::string frame;
  begin_skippable(frame, kDirectoryMagic,
                  sizeof(DirectoryHeader) + (is_version_2 ? sizeof(DirectoryMore) : 0) +
                      d.pages.size() * sizeof(PageRef) + files.size() + sizeof(DirectoryTail));
  DirectoryHeader header;
  std::memcpy(header.tag, is_version_2 ? kDirectoryTag2 : kDirectoryTag, sizeof kDirectoryTag);
  header.flags = (d.image_digest ? kHasImageDigest : 0) | (d.result ? kHasResultTree : 0) |
                 (d.kind == DiskKind::kDelta ? kIsDelta : 0);
  header.chunk_size = d.chunk_size;
  header.size = d.size;
  header.frame_count = d.frame_count;
  header.data_bytes = d.data_bytes;
  header.data_frame_bytes = d.data_frame_bytes;
  header.header_digest = d.header_digest;
  header.image_digest = d.image_digest.value_or(Digest{});
  header.tree = d.tree;
  header.page_count = static_cast<uint32_t>(d.pages.size());
  header.files_length = static_cast<uint32_t>(files.size());
  append(frame, header);
  if (is_version_2) {
    DirectoryMore more;
    more.zero_bytes = d.zero_bytes;
    more.result = d.result.value_or(Digest{});
    append(frame, more);
  }
  for (const PageRef& ref : d.pages) append(frame, ref);
  frame += files;
  DirectoryTail tail;
  tail.offset = d.position;
  tail.page_count = d.pages.size();
  frame += as_text(struct_bytes(tail).first(16));
  tail.xxh3 = xxh3_64(as_bytes(frame));
  std::memcpy(tail.magic, kTailMagic, sizeof kTailMagic);
  frame += as_text(struct_bytes(tail).subspan(16));
  return frame;
}

Result<std::vector<DirectoryFile>> decode_files(std::string_view text) { return parse_files(text); }

Result<Directory> decode_directory(ByteSpan frame) {
  Cursor cursor = HX_TRY(open_skippable(frame, kDirectoryMagic, kMaxDirectoryContent));
  if (frame.size() < sizeof(SkippableHeader) + sizeof(DirectoryHeader) + sizeof(DirectoryTail))
    return damaged("is cut short");
  const auto tail = load_struct<DirectoryTail>(frame.last(sizeof(DirectoryTail)));
  if (std::memcmp(tail.magic, kTailMagic, sizeof kTailMagic) != 0 ||
      tail.xxh3 != xxh3_64(frame.first(frame.size() - 16)))
    return damaged("does not match its checksum");
  const auto header = HX_TRY(cursor.take<DirectoryHeader>());
  const bool is_version_2 = std::memcmp(header.tag, kDirectoryTag2, sizeof kDirectoryTag) == 0;
  if (!is_version_2 && std::memcmp(header.tag, kDirectoryTag, sizeof kDirectoryTag) != 0)
    return damaged("is not a directory");
  const uint32_t known = kHasImageDigest | (is_version_2 ? kHasResultTree | kIsDelta : 0);
  const bool is_delta = (header.flags & kIsDelta) != 0;
  // A full disk's tree is its result, and a delta's image is hashed by nobody.
  const uint32_t contradiction = is_delta ? kHasImageDigest : kHasResultTree;
  if ((header.flags & ~known) != 0 || (header.flags & contradiction) != 0 || !is_chunk_size(header.chunk_size))
    return damaged("is malformed");
  Directory d;
  d.version = is_version_2 ? kVersion2 : kVersion;
  d.kind = is_delta ? DiskKind::kDelta : DiskKind::kFull;
  d.position = tail.offset;
  d.chunk_size = header.chunk_size;
  d.size = header.size;
  d.frame_count = header.frame_count;
  d.data_bytes = header.data_bytes;
  d.data_frame_bytes = header.data_frame_bytes;
  d.header_digest = header.header_digest;
  if (header.flags & kHasImageDigest) d.image_digest = header.image_digest;
  d.tree = header.tree;
  if (is_version_2) {
    const auto more = HX_TRY(cursor.take<DirectoryMore>());
    d.zero_bytes = more.zero_bytes;
    if (header.flags & kHasResultTree) d.result = more.result;
  }
  if (header.page_count != tail.page_count) return damaged("contradicts itself");
  const ByteSpan refs = HX_TRY(cursor.take_bytes(uint64_t{header.page_count} * sizeof(PageRef)));
  d.pages.resize(header.page_count);
  if (!refs.empty()) std::memcpy(d.pages.data(), refs.data(), refs.size());
  if (header.files_length > kMaxFileList) return damaged("has too long a list of files");
  d.files = HX_TRY(parse_files(as_text(HX_TRY(cursor.take_bytes(header.files_length)))));
  HX_TRY(cursor.take<DirectoryTail>());
  if (!cursor.at_end()) return damaged("has a wrong length");
  return d;
}

}  // namespace hx
