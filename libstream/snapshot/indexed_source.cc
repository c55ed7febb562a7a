#include <cstring>
#include <deque>
#include <thread>
#include <utility>

#include "base/checked_math.h"
#include "codec/seek_table.h"
#include "codec/zero_frame.h"
#include "codec/zstd_codec.h"
#include "codec/zstd_frame.h"
#include "hash/sha256.h"
#include "hash/xxh3.h"
#include "io/ordered_workers.h"
#include "snapshot/index_check.h"
#include "snapshot/snapshot_source.h"

namespace hx {
namespace {

// One frame on its way from the pipe.
struct RawFrame {
  uint64_t position = 0;  // in the body
  ZstdFrame frame;
  std::vector<std::byte> bytes;
};

// The same, decoded and digested, if it is one of the image's.
struct DecodedFrame {
  uint64_t position = 0;
  uint32_t magic = 0;
  std::vector<std::byte> bytes;  // of a skippable frame
  FrameEntry entry;              // of the image's: what the index must say of it (extent.offset comes later)
  Buffer content;                // of a data frame
};

constexpr uint64_t kMemory = 96 * kMiB;  // of chunks, and of their frames, on the way

// No more threads than that memory feeds.
int threads_for(int wanted, uint64_t chunk_size) {
  const uint64_t most = kMemory / (2 * chunk_size * 4);
  return std::clamp(wanted, 1, static_cast<int>(std::max<uint64_t>(most, 2)));
}

class IndexedSource : public ExtentSource {
 public:
  IndexedSource(ByteReader& in, const SnapshotHeader& header, int threads)
      : in_(in),
        header_(header),
        shape_{header.size, header.hx->chunk_size, layout_of(header.version, header.hx->kind)},
        check_(shape_),
        pool_(shape_.chunk_size, window(threads) + static_cast<size_t>(threads) + 8),
        workers_(threads, window(threads), [this](RawFrame&& raw, int) { return decode(std::move(raw)); }) {
    info_.key = "disk0";
    info_.name = header.name.empty() ? "" : to_leaf_name(header.name);
    info_.size = header.size;
    info_.kind = header.hx->kind;
    info_.state = header.hx->state;
    info_.parent_state = header.hx->parent_state;
    info_.change_token = header.hx->change_token;
    info_.parent_change_token = header.hx->parent_change_token;
    info_.consistency = header.hx->consistency;
    if (is_delta()) info_.chunk_size = header.hx->chunk_size;
  }
  ~IndexedSource() override {
    workers_.fail(bug("the source was given up"));
    in_.cancel();
    if (feeding_.joinable()) feeding_.join();
  }

  Result<std::optional<DiskInfo>> next_disk() override {
    if (feeding_.joinable()) return std::optional<DiskInfo>();
    feeding_ = std::thread([this] { feed(); });
    return std::optional<DiskInfo>(info_);
  }

  Result<std::optional<Extent>> next() override {
    while (ready_.empty()) {
      std::ranges::move(std::exchange(next_digests_, {}), std::back_inserter(digests_));
      auto decoded = HX_TRY(workers_.next());
      if (!decoded) {
        if (!std::exchange(ended_, true)) HX_TRY(check_end());
        if (auto absent = absent_before(shape_.size)) return absent;
        return std::optional<Extent>();
      }
      HX_TRY(decoded->magic == kZstdMagic ? take_frame(std::move(*decoded)) : take_skippable(*decoded));
    }
    if (auto absent = absent_before(ready_.front().offset)) return absent;
    Extent extent = std::move(ready_.front());
    ready_.pop_front();
    given_ = extent.end();
    (extent.kind == Kind::kData ? totals_.data_bytes : totals_.zero_bytes) += extent.length;
    return std::optional(std::move(extent));
  }
  std::vector<ChunkDigest> take_digests() override { return std::exchange(digests_, {}); }

  DiskTotals totals() const override { return totals_; }

 private:
  // Memory: a window of chunks, and of their frames, whatever the chunk's size.
  static size_t window(int threads) { return static_cast<size_t>(threads) * 3 + 2; }
  Error bad(uint64_t position, const std::string& what) const {
    return damaged(in_.name() + ": at " + std::to_string(header_.body_offset() + position) + ": " + what);
  }

  // Of the feeding thread: cuts the pipe into frames. What follows the directory is the seek table, which may be long:
  // it goes on in pieces.
  void feed() {
    BufferedReader in(in_);
    uint64_t file_bytes = 0;
    for (bool directory_seen = false;;) {
      RawFrame raw;
      raw.position = in.offset();
      if (directory_seen) {
        raw.bytes.resize(kMaxPayload);
        auto got = in.read_full(raw.bytes);
        if (!got) return workers_.fail(std::move(got).error());
        if (*got == 0) return workers_.close();
        raw.bytes.resize(*got);
        raw.frame.magic = kSeekTableMagic;
      } else {
        auto frame = read_frame(in, raw.bytes, [this](uint32_t magic) { return max_size(magic); });
        if (!frame) return workers_.fail(shift(std::move(frame).error(), raw.position, in.offset()));
        if (!*frame) return workers_.close();
        raw.frame = **frame;
        directory_seen = raw.frame.magic == mirn::kDirectoryMagic;
        if (raw.frame.magic == mirn::kMachineFileMagic) file_bytes += raw.bytes.size();
        if (file_bytes > mirn::kMaxMachineFiles + kMiB)
          return workers_.fail(bad(raw.position, "too many machine files"));
      }
      if (!workers_.submit(std::move(raw))) return;
    }
  }
  // A hostile file can make us hold a window of these, no more.
  uint64_t max_size(uint32_t magic) const {
    switch (magic) {
      case kZstdMagic:
        return std::max(max_frame_size(shape_.chunk_size), zero_frame_size(kMaxZeroFrame));
      case mirn::kPageMagic:
        return kSkippableHeaderSize + (is_delta() ? mirn::kMaxPageContent2 : mirn::kMaxPageContent);
      case mirn::kExtentsMagic:
        return kSkippableHeaderSize + mirn::kMaxExtentsContent;
      case mirn::kMachineFileMagic:
        return kSkippableHeaderSize + mirn::kMaxMachineFile;
      case mirn::kDirectoryMagic:
        return kSkippableHeaderSize + mirn::kMaxDirectoryContent;
      default:
        return kSkippableHeaderSize;
    }
  }
  // read_frame() counts from the body's beginning: people count from the file's.
  Error shift(Error error, uint64_t begin, uint64_t end) const {
    if (error.kind != ErrorKind::kDamaged) return error;  // of the pipe itself
    error.message = bad(end, "the frame that begins at " + std::to_string(header_.body_offset() + begin) +
                                 " is cut short or malformed")
                        .message;
    return error;
  }

  Result<DecodedFrame> decode(RawFrame&& raw) {
    DecodedFrame out;
    out.position = out.entry.position = raw.position;
    out.magic = raw.frame.magic;
    if (out.magic != kZstdMagic) {
      out.bytes = std::move(raw.bytes);
      return out;
    }
    const uint64_t length = raw.frame.content_size.value_or(0);
    out.entry.compressed_size = static_cast<uint32_t>(raw.bytes.size());
    out.entry.xxh3 = xxh3_64(raw.bytes);
    out.entry.extent.length = length;
    out.entry.kind = raw.frame.only_zero_runs ? Kind::kZero : Kind::kData;
    const uint64_t most = out.entry.kind == Kind::kZero ? kMaxZeroFrame : shape_.chunk_size;
    if (length == 0 || length > most) return bad(raw.position, "a frame of impossible size");
    if (out.entry.kind == Kind::kZero) {
      if (!is_zero_frame(raw.bytes, length)) return bad(raw.position, "a zero frame is damaged");
      return out;
    }
    thread_local ZstdDecompressor decompressor;
    out.content = pool_.acquire(length);
    Status status = decompressor.decompress(raw.bytes, out.content.bytes());
    if (!status) return bad(raw.position, "a chunk does not decompress: " + std::move(status).error().message);
    out.entry.leaf = Sha256::of(std::as_const(out.content).bytes());
    return out;
  }

  bool is_delta() const { return shape_.layout == IndexLayout::kDelta; }
  bool is_version_2() const { return shape_.layout != IndexLayout::kVersion1; }
  std::optional<Extent> absent_before(uint64_t offset) {
    if (!is_delta() || given_ >= offset) return std::nullopt;
    const uint64_t begin = std::exchange(given_, offset);
    return Extent{begin, offset - begin, Kind::kAbsent, {}};
  }

  Status take_frame(DecodedFrame decoded) {
    if (directory_) return bad(decoded.position, "a frame behind the directory");
    FrameEntry& entry = decoded.entry;
    if (is_version_2()) {
      HX_TRY(match_extents(entry));
    } else {
      entry.extent.offset = end_;
      if (entry.extent.length > shape_.size - end_) return bad(decoded.position, "more content than the header says");
    }
    return take_entry(std::move(entry), std::move(decoded.content));
  }

  // Completes what was decoded by what the extents before it say, which it must fit.
  Status match_extents(FrameEntry& decoded) {
    if (!announced_) return bad(decoded.position, "a frame without its extents");
    FrameEntry entry = *std::exchange(announced_, std::nullopt);
    const uint64_t content = is_delta() ? entry.content_size() : entry.extent.length;
    if (decoded.compressed_size != entry.compressed_size || decoded.kind != entry.kind ||
        decoded.extent.length != content || decoded.xxh3 != entry.xxh3 || decoded.leaf != entry.leaf)
      return bad(decoded.position, "the chunk at disk offset " + std::to_string(entry.extent.offset) +
                                       " does not match what its extents say");
    entry.position = decoded.position;
    decoded = std::move(entry);
    return {};
  }

  Status take_extents(const DecodedFrame& decoded) {
    if (!is_version_2() || announced_) return bad(decoded.position, "a frame with extents, out of place");
    auto entry = decode_extents(decoded.bytes, shape_);
    if (!entry) return bad(decoded.position, "the extents " + std::move(entry).error().message);
    entry->position = decoded.position + decoded.bytes.size();
    if (entry->compressed_size == 0) return take_entry(std::move(*entry), {});
    announced_ = std::move(*entry);
    return {};
  }

  // That they are in order is found by the page, too; but what comes out must be in order before that.
  Status take_entry(FrameEntry entry, Buffer content) {
    if (group_.size() >= mirn::kMaxPageEntries) return bad(entry.position, "an index page is missing");
    if (entry.extent.offset < end_ || (!is_delta() && entry.extent.offset != end_))
      return bad(entry.begin(), "an extent out of place");
    end_ = entry.extent.end();
    uint64_t done = 0;
    const std::vector<MapEntry> whole = {{entry.extent.offset, entry.extent.length, entry.kind}};
    for (const MapEntry& extent : entry.extents.empty() ? whole : entry.extents) {
      if (extent.kind == Kind::kZero)
        ready_.push_back({extent.offset, extent.length, Kind::kZero, {}});
      else
        add_data(extent, content, done);
    }
    if (entry.result) {
      const uint64_t begin = align_down(entry.extent.offset, shape_.chunk_size);
      next_digests_.push_back({{begin, std::min<uint64_t>(shape_.chunk_size, shape_.size - begin)}, *entry.result});
    }
    group_.push_back(std::move(entry));
    return {};
  }

  // A chunk may be larger than an extent's payload, and an extent may not cross a multiple of it.
  void add_data(const MapEntry& extent, const Buffer& content, uint64_t& done) {
    for (uint64_t at = extent.offset; at < extent.end();) {
      const uint64_t length = std::min(extent.end(), align_down(at, kMaxPayload) + kMaxPayload) - at;
      ready_.push_back({at, length, Kind::kData, content.slice(done, length)});
      at += length;
      done += length;
    }
  }

  Status take_skippable(const DecodedFrame& decoded) {
    if (directory_) return take_seek_table(decoded);
    if (announced_) return bad(decoded.position, "the frame of the extents before it is missing");
    switch (decoded.magic) {
      case mirn::kPageMagic:
        return take_page(decoded);
      case mirn::kExtentsMagic:
        return take_extents(decoded);
      case mirn::kMachineFileMagic:
        return take_machine_file(decoded);
      case mirn::kDirectoryMagic:
        return take_directory(decoded);
      default:
        return bad(decoded.position, "an unknown frame");
    }
  }

  Status take_page(const DecodedFrame& decoded) {
    auto page = decode_page(decoded.bytes, shape_);
    if (!page) return bad(decoded.position, "an index page " + std::move(page).error().message);
    mirn::PageRef ref;
    ref.offset = decoded.position;
    ref.begin = page->begin();
    ref.size = static_cast<uint32_t>(decoded.bytes.size());
    ref.entry_count = static_cast<uint32_t>(page->entries.size());
    ref.xxh3 = xxh3_64(decoded.bytes);
    HX_TRY(compare(*page));
    Status status = check_.add_page(*page, ref);
    if (!status) return bad(decoded.position, std::move(status).error().message);
    group_.clear();
    return {};
  }

  // What was decoded against what the page says.
  Status compare(const IndexPage& page) const {
    if (page.entries.size() != group_.size())
      return bad(page.first_frame, "an index page has another number of frames");
    for (size_t i = 0; i < group_.size(); ++i) {
      const FrameEntry &seen = group_[i], &told = page.entries[i];
      if (seen != told)
        return bad(seen.position, "the chunk at disk offset " + std::to_string(seen.extent.offset) +
                                      " does not match its digest in the index");
    }
    return {};
  }

  Status take_machine_file(const DecodedFrame& decoded) {
    const ByteSpan content = ByteSpan(decoded.bytes).subspan(sizeof(mirn::SkippableHeader));
    files_.push_back({"", content.size(), Sha256::of(content)});
    return {};
  }

  Status take_directory(const DecodedFrame& decoded) {
    auto directory = decode_directory(decoded.bytes);
    if (!directory) return bad(decoded.position, "the directory " + std::move(directory).error().message);
    Status status = check_header_against(header_, *directory);
    if (!status) return std::move(status).error().within(in_.name());
    bool files_match = directory->files.size() == files_.size();
    for (size_t i = 0; files_match && i < files_.size(); ++i)
      files_match = directory->files[i].size == files_[i].size && directory->files[i].digest == files_[i].digest;
    if (!files_match || !group_.empty() || directory->position != decoded.position)
      return bad(decoded.position, "the directory does not match what stands before it");
    status = check_.finish(*directory, decoded.bytes.size());
    if (!status) return bad(decoded.position, std::move(status).error().message);
    const bool is_sealed = header_.has_checksum && header_.hx->sealed;
    totals_.image_digest = is_sealed ? std::optional(header_.checksum) : directory->image_digest;
    totals_.tree = directory->result;
    directory_ = true;
    return {};
  }

  Status take_seek_table(const DecodedFrame& piece) {
    if (!seek_table_seen_) seek_table_at_ = piece.position;
    seek_table_seen_ = true;
    check_.seek_table().update(piece.bytes);
    return {};
  }

  Status check_end() {
    if (!directory_) return bad(end_position(), "the index is missing: cut short");
    SeekTableCheck& seek_table = check_.seek_table();
    if (!seek_table_seen_ && seek_table.is_due()) return bad(end_position(), "the seek table is missing: cut short");
    Status status = seek_table.is_due() || seek_table_seen_ ? seek_table.finish() : Status();
    if (!status) return bad(seek_table_at_, std::move(status).error().message);
    totals_.size = shape_.size;
    return {};
  }
  uint64_t end_position() const { return group_.empty() ? 0 : group_.back().position + group_.back().compressed_size; }

  ByteReader& in_;
  const SnapshotHeader header_;
  const IndexShape shape_;
  DiskInfo info_;
  DiskTotals totals_;
  IndexCheck check_;
  std::vector<FrameEntry> group_;     // frames whose page has not come yet
  std::vector<DirectoryFile> files_;  // names come with the directory
  uint64_t end_ = 0, seek_table_at_ = 0;
  uint64_t given_ = 0;  // up to where extents have been given, absent ones included
  bool directory_ = false, seek_table_seen_ = false, ended_ = false;
  std::optional<FrameEntry> announced_;  // by its extents: the frame is due
  std::deque<Extent> ready_;
  std::vector<ChunkDigest> digests_, next_digests_;  // of chunks that were given; of the one in ready_
  BufferPool pool_;
  OrderedWorkers<RawFrame, DecodedFrame> workers_;
  std::thread feeding_;
};

}  // namespace

std::unique_ptr<ExtentSource> indexed_source(ByteReader& in, const SnapshotHeader& header, int threads) {
  return std::make_unique<IndexedSource>(in, header, threads_for(threads, header.hx->chunk_size));
}

}  // namespace hx
