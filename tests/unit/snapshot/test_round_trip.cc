// What is packed comes back, whichever way it went in and whichever way it is read: as a file, from a pipe, and by
// zstd.
#include <catch2/catch.hpp>

#include <map>
#include <set>

#include "codec/zstd_codec.h"
#include "hash/sha256.h"
#include "snapshot/snapshot_reader.h"
#include "snapshot/snapshot_source.h"
#include "support/dribble.h"
#include "support/image_comparison.h"
#include "support/packed.h"

using namespace hx;
using namespace hx::test;

namespace {

struct Image {
  const char* name;
  std::shared_ptr<MemoryDisk> disk;
};

std::vector<MapEntry> islands(uint64_t size, size_t count, uint64_t longest, uint64_t seed) {
  std::vector<MapEntry> entries;
  const uint64_t share = size / count;
  for (size_t i = 0; i < count; ++i) {
    seed = seed * 6364136223846793005 + 1442695040888963407;
    const uint64_t length = 1 + (seed >> 33) % longest, offset = i * share + (seed >> 11) % (share - length);
    entries.push_back({offset, length, Kind::kData});
  }
  return entries;
}
std::shared_ptr<MemoryDisk> disk(uint64_t size, std::vector<MapEntry> entries, uint64_t seed = 1) {
  return std::make_shared<MemoryDisk>(size, entries, seed);
}
std::shared_ptr<MemoryDisk> full(uint64_t size) { return disk(size, {{0, size, Kind::kData}}); }

// Small enough for level 19.
std::vector<Image> small_images() {
  return {
      {"empty", disk(0, {})},
      {"one byte", full(1)},
      {"odd length", full(403113)},
      {"all zero", disk(3 * kMiB + 5, {})},
      {"no zero", full(1088 * kKiB)},
      {"islands", disk(6 * kMiB + 777, islands(6 * kMiB, 9, 90000, 3))},
      {"data that is zero", MemoryDisk::of_text(std::string(300000, '\0') + "x" + std::string(300000, '\0'))},
      {"a head of zeros", disk(kMiB + 1, {{kMiB, 1, Kind::kData}})},
      {"shorter than the head", full(128 * kKiB - 1)},
      {"as long as the head", full(128 * kKiB)},
      {"longer than the head", full(128 * kKiB + 1)},
  };
}

struct Row {
  size_t image;
  uint32_t chunk_size;
  int level;
  Way way;
  Path path;
};

// Every pair of two columns' values occurs in some row: greedily, so not the fewest rows.
std::vector<Row> pairwise(size_t images) {
  std::vector<Row> rows;
  std::set<std::tuple<int, uint64_t, int, uint64_t>> seen;
  const auto take = [&](const Row& row, size_t least) {
    const uint64_t values[] = {row.image, row.chunk_size, static_cast<uint64_t>(row.level),
                               static_cast<uint64_t>(row.way), static_cast<uint64_t>(row.path)};
    std::set<std::tuple<int, uint64_t, int, uint64_t>> fresh;
    for (int a = 0; a < 5; ++a)
      for (int b = a + 1; b < 5; ++b)
        if (!seen.contains({a, values[a], b, values[b]})) fresh.insert({a, values[a], b, values[b]});
    if (fresh.size() < least) return;
    seen.merge(fresh);
    rows.push_back(row);
  };
  for (const size_t least : {10, 8, 6, 4, 3, 2, 1})
    for (size_t image = 0; image < images; ++image)
      for (const uint32_t chunk_size : {64u << 10, 256u << 10, 1u << 20, 4u << 20})
        for (const int level : {1, 3, 19})
          for (const Way way : {Way::kRewriting, Way::kSpooling, Way::kUnsealed, Way::kSealedLater})
            for (const Path path : {Path::kPut, Path::kPutDisk}) take({image, chunk_size, level, way, path}, least);
  return rows;
}

Digest sha256_of(const MemoryDisk& disk) {
  Sha256 hasher;
  const ExtentList map = disk.whole_map();
  for (const MapEntry& entry : map.entries()) {
    if (entry.kind == Kind::kZero) hasher.update_zeros(entry.length);
    for (uint64_t done = 0; entry.kind == Kind::kData && done < entry.length; done += kMiB)
      hasher.update(as_bytes(disk.text(entry.offset + done, std::min(kMiB, entry.length - done))));
  }
  return hasher.finish();
}

// As a file: the whole index, the map, and every byte of the data.
void check_by_place(const MemoryDisk& disk, const std::string& bytes) {
  auto reader = SnapshotReader::open(std::make_shared<MemoryReader>(as_bytes(bytes), "file"));
  if (!reader) FAIL(reader.error().message);
  Status verified = (*reader)->verify_index();
  if (!verified) FAIL(verified.error().message);
  ExtentList map = (*reader)->map(0, disk.info().size).value();
  ImageComparison image(disk);
  std::vector<std::byte> piece(777777);  // not a multiple of any chunk
  for (const MapEntry& entry : map.entries()) {
    REQUIRE(entry.offset == image.end());
    if (entry.kind == Kind::kZero) image.zeros(entry.length);
    for (uint64_t done = 0; entry.kind == Kind::kData && done < entry.length; done += piece.size()) {
      const MutableByteSpan part = MutableByteSpan(piece).first(std::min<uint64_t>(piece.size(), entry.length - done));
      Status read = (*reader)->read_at(entry.offset + done, part);
      if (!read) FAIL(read.error().message);
      image.data(part);
    }
  }
  CHECK(image.is_equal());
  CHECK((*reader)->check_unchanged().ok());
  CHECK_FALSE((*reader)->read_at(disk.info().size, MutableByteSpan(piece).first(1)).ok());
}

// From a pipe that gives a few bytes at a time.
void check_in_sequence(const MemoryDisk& disk, const std::string& bytes) {
  Dribble pipe(as_bytes(bytes), 4999);
  auto header = read_header(pipe);
  if (!header) FAIL(header.error().message);
  const auto source = indexed_source(pipe, *header, 2);
  auto info = source->next_disk();
  REQUIRE((info.ok() && *info));
  CHECK((*info)->size == disk.info().size);
  CHECK((*info)->state == header->hx->state);
  ImageComparison image(disk);
  for (;;) {
    auto extent = source->next();
    if (!extent) FAIL(extent.error().message);
    if (!*extent) break;
    REQUIRE((*extent)->offset == image.end());
    if ((*extent)->kind == Kind::kZero)
      image.zeros((*extent)->length);
    else
      image.data(std::as_const((*extent)->data).bytes());
  }
  CHECK(image.is_equal());
  CHECK(source->totals().size == disk.info().size);
  CHECK(source->totals().data_bytes + source->totals().zero_bytes == disk.info().size);
  CHECK(source->next_disk().value() == std::nullopt);
}

// tail -c +K | zstd -d
void check_by_zstd(const MemoryDisk& disk, const std::string& bytes, size_t body_offset) {
  MemoryReader body(as_bytes(bytes).subspan(body_offset));
  ZstdStreamReader zstd(body, 0, [](uint32_t, uint64_t) { return Status(); });
  ImageComparison image(disk);
  std::vector<std::byte> piece(kMiB);
  for (;;) {
    auto got = zstd.read_full(piece);
    if (!got) FAIL(got.error().message);
    image.data(MutableByteSpan(piece).first(*got));
    if (*got < piece.size()) break;
  }
  CHECK(image.is_equal());
}

// Everything about one snapshot; gives back what it says of itself.
Directory check_snapshot(const MemoryDisk& disk, const Packed& packed, const PackOptions& options, Way way) {
  auto reader = SnapshotReader::open(std::make_shared<MemoryReader>(as_bytes(packed.bytes), "file"));
  if (!reader) FAIL(reader.error().message);
  const SnapshotHeader& header = (*reader)->header();
  const Directory directory = (*reader)->directory();
  const Digest checksum = sha256_of(disk);
  const bool sealed = way != Way::kUnsealed;
  CHECK(header.hx->sealed == sealed);
  CHECK(header.checksum == (sealed ? checksum : Digest{}));
  CHECK(directory.image_digest == (way == Way::kSealedLater ? std::nullopt : std::optional(checksum)));
  CHECK(header.size == disk.info().size);
  CHECK(header.hx->chunk_size == options.chunk_size);
  CHECK(header.filesystem == (options.filesystem ? *options.filesystem : ""));
  CHECK(packed.totals.size == disk.info().size);
  CHECK(packed.totals.data_bytes == directory.data_bytes);
  CHECK(packed.totals.data_bytes + packed.totals.zero_bytes == disk.info().size);
  CHECK(packed.totals.file_bytes == packed.bytes.size());
  CHECK(packed.totals.tree == directory.tree);
  CHECK(packed.totals.sealed == (way != Way::kUnsealed && way != Way::kSealedLater));
  CHECK(packed.totals.state == header.hx->state);
  check_by_place(disk, packed.bytes);
  check_in_sequence(disk, packed.bytes);
  check_by_zstd(disk, packed.bytes, header.body_offset());
  return directory;
}

}  // namespace

TEST_CASE("small images survive every pair of chunk size, level, header way and path", "[round_trip]") {
  const std::vector<Image> images = small_images();
  std::map<std::pair<size_t, uint32_t>, Digest> trees;  // of an image and a chunk size: one, whatever else differs
  for (const Row& row : pairwise(images.size())) {
    INFO(images[row.image].name << ", chunk size " << row.chunk_size << ", level " << row.level << ", way "
                                << static_cast<int>(row.way) << ", path " << static_cast<int>(row.path));
    PackOptions options;
    options.chunk_size = row.chunk_size;
    options.level = row.level;
    auto packed = pack(images[row.image].disk, options, row.way, row.path);
    if (!packed) FAIL(packed.error().message);
    const Directory directory = check_snapshot(*images[row.image].disk, *packed, options, row.way);
    const auto [known, is_new] = trees.insert({{row.image, row.chunk_size}, directory.tree});
    CHECK(known->second == directory.tree);
  }
}

TEST_CASE("many frames make several index pages", "[round_trip]") {
  const auto disk = std::make_shared<MemoryDisk>(90 * kMiB + 13, islands(90 * kMiB, 700, 3000, 7));
  PackOptions options;
  options.chunk_size = 64 * kKiB;
  for (const Path path : {Path::kPut, Path::kPutDisk}) {
    auto packed = pack(disk, options, Way::kRewriting, path);
    if (!packed) FAIL(packed.error().message);
    const Directory directory = check_snapshot(*disk, *packed, options, Way::kRewriting);
    CHECK(directory.frame_count > mirn::kMaxPageEntries);
    CHECK(directory.pages.size() == 2);
    CHECK(directory.pages[0].entry_count == mirn::kMaxPageEntries);
    CHECK(directory.pages[0].entry_count + directory.pages[1].entry_count == directory.frame_count);
  }
}

TEST_CASE("a run of zeros longer than a frame may be becomes several", "[round_trip]") {
  const uint64_t size = kGiB + 300 * kMiB + 5;
  const auto disk = std::make_shared<MemoryDisk>(
      size, std::vector<MapEntry>{{3 * kMiB, 10, Kind::kData}, {size - 5, 5, Kind::kData}});
  PackOptions options;
  auto packed = pack(disk, options, Way::kRewriting, Path::kPutDisk);
  if (!packed) FAIL(packed.error().message);
  const Directory directory = check_snapshot(*disk, *packed, options, Way::kRewriting);
  CHECK(directory.frame_count == 5);  // zeros, data, zeros of 1 GiB and of less, data
  CHECK(packed->bytes.size() < 100000);
}

TEST_CASE("a disk that is zero to its end beyond the grid, and terabytes of it", "[round_trip]") {
  const auto disk = std::make_shared<MemoryDisk>(2 * kTiB + 3, std::vector<MapEntry>{{kTiB + 1, 70000, Kind::kData}});
  PackOptions options;
  options.image_digest = ImageDigest::kNone;  // the only thing that would take its time
  auto packed = pack(disk, options, Way::kRewriting, Path::kPutDisk);
  if (!packed) FAIL(packed.error().message);
  check_by_place(*disk, packed->bytes);
  check_in_sequence(*disk, packed->bytes);
}

TEST_CASE("what is known of a disk is in its snapshot", "[round_trip]") {
  auto disk = std::make_shared<MemoryDisk>(200000, std::vector<MapEntry>{{0, 200000, Kind::kData}});
  DiskInfo& info = disk->mutable_info();
  info.name = "web \"01\" ä\\";
  info.state = "11111111-2222-4333-8444-555555555555";
  info.change_token = "52 de/7\n";
  info.consistency = "none";
  info.files = {{"vm.vmx", "x=1\n"}, {"nvram", std::string(100000, '\xFE')}, {"empty", ""}};
  PackOptions options;
  options.filesystem = "ext4";
  options.chunk_size = 64 * kKiB;
  for (const Way way : {Way::kRewriting, Way::kSpooling, Way::kUnsealed, Way::kSealedLater}) {
    for (const Path path : {Path::kPut, Path::kPutDisk}) {
      auto packed = pack(disk, options, way, path);
      if (!packed) FAIL(packed.error().message);
      check_snapshot(*disk, *packed, options, way);
      auto reader = SnapshotReader::open(std::make_shared<MemoryReader>(as_bytes(packed->bytes))).value();
      CHECK(reader->header().name == info.name);
      CHECK(reader->header().timestamp == "2026-11-21T12:00:00Z");
      CHECK(reader->header().hx->created_by == "test");
      CHECK(reader->info().name == to_leaf_name(info.name));
      CHECK(reader->info().state == info.state);
      CHECK(reader->info().change_token == info.change_token);
      CHECK(reader->info().consistency == "none");
      const auto files = reader->machine_files().value();
      REQUIRE(files.size() == 3);
      CHECK(files[0].name == "vm.vmx");
      CHECK(files[0].content == "x=1\n");
      CHECK((files[1].content == info.files[1].content));
      CHECK(files[2].content.empty());
    }
  }
}

TEST_CASE("the file system is probed by the first 128 KiB, wherever extents and chunks end", "[round_trip]") {
  std::string head(300000, '\0');
  head[1024 + 56] = '\x53';  // ext2's magic
  head[1024 + 57] = '\xEF';
  for (const std::string& image :
       {head, head.substr(0, 128 * kKiB), head.substr(0, 128 * kKiB - 1), head.substr(0, 4096)}) {
    for (const uint32_t chunk_size : {64u << 10, 4u << 20}) {
      for (const Path path : {Path::kPut, Path::kPutDisk}) {
        std::string seen;
        PackOptions options;
        options.chunk_size = chunk_size;
        options.probe_filesystem = [&](ByteSpan bytes) {
          seen = as_text(bytes);
          return std::string("probed");
        };
        auto packed = pack(MemoryDisk::of_text(image), options, Way::kUnsealed, path);
        if (!packed) FAIL(packed.error().message);
        CHECK((seen == image.substr(0, 128 * kKiB)));
        MemoryReader file(as_bytes(packed->bytes));
        CHECK(read_header(static_cast<const RandomReader&>(file)).value().filesystem == "probed");
      }
    }
  }
}

TEST_CASE("a size that is known only at the end", "[round_trip]") {
  DiskInfo info;
  info.key = info.name = "stdin";
  info.size = kUnknownSize;
  const uint64_t size = 5 + kMiB;
  const auto hello = [] { return Extent{0, 5, Kind::kData, Buffer::copy_of(as_bytes("hello"))}; };
  for (const Way way : {Way::kRewriting, Way::kSpooling}) {
    MemoryFile file;
    auto output = way == Way::kRewriting ? rewriting_output(file.fd(), "packed").value()
                                         : spooling_output(file.fd(), "packed", "/var/tmp").value();
    const auto sink = snapshot_sink(*output, {});
    REQUIRE(sink->begin_disk(info).ok());
    REQUIRE(sink->put(hello()).ok());
    REQUIRE(sink->put({5, kMiB, Kind::kZero, {}}).ok());
    REQUIRE(sink->end_disk({size, 5, kMiB, {}}).ok());
    REQUIRE(sink->commit().ok());
    CHECK(sink->totals().size == size);
    check_by_place(*MemoryDisk::of_text("hello" + std::string(kMiB, '\0')), file.content());
  }
  MemoryFile file;
  auto output = unsealed_output(file.fd(), "packed");
  CHECK(snapshot_sink(*output, {})->begin_disk(info).error().kind == ErrorKind::kUsage);
}
