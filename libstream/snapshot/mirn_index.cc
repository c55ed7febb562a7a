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

// Does an entry agree with the shape and with its neighbour before?
Status check_entry(const FrameEntry& entry, uint64_t expected_offset, const IndexShape& shape) {
  const Range& e = entry.extent;
  if (e.offset != expected_offset || e.length == 0 || !fits_within(e.offset, e.length, shape.size))
    return damaged("has an extent out of place");
  const bool ends_on_grid = e.end() % shape.chunk_size == 0 || e.end() == shape.size;
  if (e.offset % shape.chunk_size != 0 || !ends_on_grid) return damaged("has an extent off the grid");
  if (entry.kind == Kind::kData) {
    if (e.length > shape.chunk_size || entry.compressed_size > max_frame_size(e.length) || entry.compressed_size == 0)
      return damaged("has a data frame of impossible size");
  } else if (e.length > kMaxZeroFrame || entry.compressed_size != zero_frame_size(e.length) || entry.leaf != Digest{}) {
    return damaged("has a malformed zero frame");
  }
  return {};
}

Result<FrameEntry> decode_entry(Cursor& cursor) {
  const auto raw = HX_TRY(cursor.take<PageEntry>());
  if (raw.extent_count != 1 || raw.flags != 0 || raw.kind > 1) return damaged("has an unknown kind of entry");
  const auto extent = HX_TRY(cursor.take<PageExtent>());
  if (extent.kind != raw.kind) return damaged("has an entry that contradicts itself");
  FrameEntry entry;
  entry.compressed_size = raw.compressed_size;
  entry.kind = raw.kind == 0 ? Kind::kData : Kind::kZero;
  entry.extent = {extent.offset, extent.length};
  entry.xxh3 = raw.xxh3;
  entry.leaf = raw.leaf;
  return entry;
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
  const uint64_t content = sizeof(PageHeader) + page.entries.size() * (sizeof(PageEntry) + sizeof(PageExtent)) + 8;
  begin_skippable(frame, kPageMagic, content);
  PageHeader header;
  std::memcpy(header.tag, kPageTag, sizeof kPageTag);
  header.number = page.number;
  header.entry_count = static_cast<uint32_t>(page.entries.size());
  header.first_frame = page.first_frame;
  append(frame, header);
  for (const FrameEntry& e : page.entries) {
    PageEntry entry;
    entry.compressed_size = e.compressed_size;
    entry.extent_count = 1;
    entry.kind = static_cast<uint8_t>(e.kind);
    entry.flags = 0;
    entry.xxh3 = e.xxh3;
    entry.leaf = e.leaf;
    append(frame, entry);
    PageExtent extent;
    extent.offset = e.extent.offset;
    extent.length = static_cast<uint32_t>(e.extent.length);
    extent.kind = static_cast<uint32_t>(e.kind);
    append(frame, extent);
  }
  append(frame, Le64(xxh3_64(as_bytes(frame))));
  return frame;
}

Result<IndexPage> decode_page(ByteSpan frame, const IndexShape& shape) {
  Cursor cursor = HX_TRY(open_skippable(frame, kPageMagic, kMaxPageContent));
  const auto header = HX_TRY(cursor.take<PageHeader>());
  if (std::memcmp(header.tag, kPageTag, sizeof kPageTag) != 0) return damaged("is not an index page");
  if (header.entry_count == 0 || header.entry_count > kMaxPageEntries) return damaged("has an impossible entry count");
  IndexPage page;
  page.number = header.number;
  page.first_frame = header.first_frame;
  page.entries.reserve(header.entry_count);
  uint64_t position = header.first_frame;
  for (uint32_t i = 0; i < header.entry_count; ++i) {
    FrameEntry entry = HX_TRY(decode_entry(cursor));
    HX_TRY(check_entry(entry, i == 0 ? entry.extent.offset : page.end(), shape));
    entry.position = position;
    position += entry.compressed_size;
    page.entries.push_back(entry);
  }
  const Le64 checksum = HX_TRY(cursor.take<Le64>());
  if (!cursor.at_end() || checksum != xxh3_64(frame.first(frame.size() - 8)))
    return damaged("does not match its checksum");
  return page;
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
  std::string frame;
  begin_skippable(frame, kDirectoryMagic,
                  sizeof(DirectoryHeader) + d.pages.size() * sizeof(PageRef) + files.size() + sizeof(DirectoryTail));
  DirectoryHeader header;
  std::memcpy(header.tag, kDirectoryTag, sizeof kDirectoryTag);
  header.flags = d.image_digest ? kHasImageDigest : 0;
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
  if (std::memcmp(header.tag, kDirectoryTag, sizeof kDirectoryTag) != 0) return damaged("is not a directory");
  if (header.flags > kHasImageDigest || !is_chunk_size(header.chunk_size)) return damaged("is malformed");
  Directory d;
  d.position = tail.offset;
  d.chunk_size = header.chunk_size;
  d.size = header.size;
  d.frame_count = header.frame_count;
  d.data_bytes = header.data_bytes;
  d.data_frame_bytes = header.data_frame_bytes;
  d.header_digest = header.header_digest;
  if (header.flags & kHasImageDigest) d.image_digest = header.image_digest;
  d.tree = header.tree;
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
