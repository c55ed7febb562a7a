// Version 2: what a delta says comes back, by place and in sequence, and no cut and no flip of it is accepted.
#include <catch2/catch.hpp>

#include "codec/zstd_codec.h"
#include "extent/stream_reader.h"
#include "extent/stream_writer.h"
#include "hash/sha256.h"
#include "snapshot/verify.h"
#include "support/deltas.h"
#include "support/stream_builder.h"

using namespace hx;
using namespace hx::test;

namespace {

PackOptions chunks_of(uint32_t size) {
  PackOptions options;
  options.chunk_size = size;
  return options;
}

Packed packed_delta(const std::shared_ptr<MemoryDisk>& disk, uint32_t chunk_size) {
  auto packed = pack(disk, chunks_of(chunk_size));
  if (!packed) FAIL(packed.error().message);
  return std::move(*packed);
}

void check_delta(const MemoryDisk& disk, const Packed& packed) {
  const std::string said = said_by(disk);
  auto by_place = said_by_place(packed.bytes);
  if (!by_place) FAIL(by_place.error().message);
  CHECK((*by_place == said));
  auto in_sequence = collected_in_sequence(packed.bytes);
  if (!in_sequence) FAIL(in_sequence.error().message);
  CHECK((in_sequence->image() == said));
  CHECK(in_sequence->info.kind == DiskKind::kDelta);
  CHECK(in_sequence->info.parent_state == disk.info().parent_state);

  const auto reader = SnapshotReader::open(file_of(packed.bytes)).value();
  const ExtentList map = reader->map(0, disk.info().size).value();
  CHECK((map.entries() == in_sequence->map()));
  CHECK(ranges_of(map, Kind::kAbsent) == ranges_of(disk.whole_map(), Kind::kAbsent));
  CHECK(reader->info().kind == DiskKind::kDelta);
  CHECK(packed.totals.data_bytes == map.bytes_of(Kind::kData));
  CHECK(packed.totals.zero_bytes == map.bytes_of(Kind::kZero));
  CHECK(packed.totals.tree == reader->directory().tree);
  auto report = verify_snapshot(reader, {});
  if (!report) FAIL(report.error().message);
  CHECK(report->damage.empty());
  CHECK(report->bytes == packed.totals.data_bytes);
  // Every extent by itself, and parts of it.
  for (const MapEntry& entry : map.entries()) {
    if (entry.kind == Kind::kAbsent) continue;
    std::string part(entry.length - entry.length / 3, '!');
    CHECK(reader->read_at(entry.offset + entry.length / 3, std::as_writable_bytes(std::span(part))).ok());
    CHECK((part == said.substr(entry.offset + entry.length / 3, part.size())));
  }
}

}  // namespace

TEST_CASE("what a delta says comes back", "[delta]") {
  for (const uint32_t chunk_size : {64u << 10, 256u << 10, 1u << 20, 4u << 20})
    for (const uint64_t size : {uint64_t{1}, uint64_t{70000}, 3 * kMiB, 9 * kMiB + 12345})
      for (const uint32_t seed : {1u, 2u}) {
        INFO("chunk size " << chunk_size << ", size " << size << ", seed " << seed);
        const size_t count = size == 1 ? 1 : 20;
        const auto disk = delta_disk(size, random_extents(size, count, seed == 1 ? 500 : 2 * kMiB, seed));
        check_delta(*disk, packed_delta(disk, chunk_size));
      }
}

TEST_CASE("a delta of nothing, of zeros, of all, of a disk of no bytes", "[delta]") {
  const uint64_t size = 5 * kMiB + 100;
  for (const auto& extents :
       std::vector<std::vector<MapEntry>>{{},
                                          {{0, size, Kind::kZero}},
                                          {{0, size, Kind::kData}},
                                          {{1, size - 2, Kind::kZero}},
                                          {{64 * kKiB, 64 * kKiB, Kind::kZero}, {128 * kKiB, 64 * kKiB, Kind::kData}},
                                          {{size - 1, 1, Kind::kData}}}) {
    const auto disk = delta_disk(size, extents);
    check_delta(*disk, packed_delta(disk, 64 * kKiB));
  }
  const auto none = delta_disk(0, {});
  check_delta(*none, packed_delta(none, 64 * kKiB));
  const auto terabytes = delta_disk(3 * kTiB, {{kTiB + 1, kTiB, Kind::kZero}});
  const Packed packed = packed_delta(terabytes, 1 << 20);
  CHECK(packed.bytes.size() < 400000);
  CHECK(packed.totals.zero_bytes == kTiB);
  CHECK(SnapshotReader::open(file_of(packed.bytes)).value()->verify_index().ok());
}

TEST_CASE("data that is zero is zero in a delta too", "[delta]") {
  StreamBuilder stream;
  stream.preamble().delta(kMiB, R"(,"parent_state":"p","state":"s")").data(10, std::string(5000, '\0')).zero(5010, 10);
  stream.done(kMiB).end();
  MemoryReader in(as_bytes(stream.text()));
  BufferPool pool(kMaxPayload, 8);
  MemoryFile file;
  const auto output = rewriting_output(file.fd(), "packed").value();
  const auto sink = snapshot_sink(*output, chunks_of(64 << 10));
  REQUIRE(pump(*stream_reader(in, pool), *sink, {}).ok());
  REQUIRE(sink->commit().ok());
  const auto reader = SnapshotReader::open(file_of(file.content())).value();
  CHECK(reader->map(0, kMiB).value().bytes_of(Kind::kZero) == 5010);
  CHECK(reader->directory().data_bytes == 0);
  CHECK(reader->directory().data_frame_bytes == 0);
}

TEST_CASE("many small extents make several pages", "[delta]") {
  const auto disk = delta_disk(8 * kMiB, random_extents(8 * kMiB, 30000, 200, 3));
  const Packed packed = packed_delta(disk, 1 << 20);
  check_delta(*disk, packed);
  CHECK(SnapshotReader::open(file_of(packed.bytes)).value()->page_count() > 1);
}

TEST_CASE("more extents than an entry holds are not taken", "[delta]") {
  std::vector<MapEntry> extents;
  for (uint64_t i = 0; i <= mirn::kMaxExtents; ++i) extents.push_back({2 * i, 1, Kind::kData});
  auto packed = pack(delta_disk(kMiB, extents), chunks_of(1 << 20));
  REQUIRE_FALSE(packed.ok());
  CHECK(packed.error().kind == ErrorKind::kUnsupported);
}

TEST_CASE("a cut, or a flip of any byte, of a delta is refused", "[delta]") {
  const uint64_t size = 200000;
  const auto disk = delta_disk(
      size, {{5, 10, Kind::kData}, {20, 5, Kind::kZero}, {65536, 65536, Kind::kZero}, {131072 + 7, 9, Kind::kData}});
  disk->mutable_info().files = {{"vm.xml", "x"}};
  const std::string good = packed_delta(disk, 64 << 10).bytes;
  REQUIRE(good.size() < 2500);
  const std::string said = said_by(*disk);
  REQUIRE((said_by_place(good).value() == said));
  REQUIRE((collected_in_sequence(good).value().image() == said));
  const auto expect_refused = [&](const std::string& bytes, const char* what, size_t at) {
    INFO(what << " at " << at);
    CHECK_FALSE(said_by_place(bytes).ok());
    CHECK_FALSE(collected_in_sequence(bytes, 64 * kKiB).ok());
  };
  for (size_t length = 0; length < good.size(); ++length) expect_refused(good.substr(0, length), "a cut", length);
  expect_refused(good + '\0', "a byte more", good.size());
  for (const int flip : {0x01, 0x80, 0xFF})
    for (size_t at = 0; at < good.size(); ++at) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(bytes[at] ^ flip);
      expect_refused(bytes, "a flip", at);
    }
}

TEST_CASE("a full disk as version 2 with and without a checksum", "[delta]") {
  const auto disk = std::make_shared<MemoryDisk>(
      3 * kMiB + 5, std::vector<MapEntry>{{10, 70000, Kind::kData}, {2 * kMiB, 300000, Kind::kData}});
  for (const ImageDigest digest : {ImageDigest::kSerial, ImageDigest::kNone})
    for (const Way way : {Way::kRewriting, Way::kUnsealed, Way::kSpooling}) {
      PackOptions options = chunks_of(64 << 10);
      options.version = mirn::kVersion2;
      options.image_digest = digest;
      auto packed = pack(disk, options, way);
      if (!packed) FAIL(packed.error().message);
      const auto reader = SnapshotReader::open(file_of(packed->bytes)).value();
      CHECK(reader->header().version == 2);
      CHECK(reader->header().has_checksum == (digest == ImageDigest::kSerial));
      CHECK(reader->header().hx->sealed == (digest == ImageDigest::kNone || way != Way::kUnsealed));
      CHECK((said_by_place(packed->bytes).value() == disk->text()));
      CHECK((collected_in_sequence(packed->bytes).value().image() == disk->text()));
      // The frames are those of version 1: any zstd gives the image.
      MemoryReader body(as_bytes(packed->bytes).subspan(reader->header().body_offset()));
      ZstdStreamReader zstd(body, 0, [](uint32_t, uint64_t) { return Status(); });
      std::string image(disk->info().size + 1, '!');
      auto got = zstd.read_full(std::as_writable_bytes(std::span(image)));
      REQUIRE(got.ok());
      image.resize(*got);
      CHECK((image == disk->text()));
    }
}

TEST_CASE("a delta needs a parent, and takes its chunk size", "[delta]") {
  const auto disk = delta_disk(kMiB, {{0, 5, Kind::kData}}, 7, "");
  auto packed = pack(disk, chunks_of(64 << 10));
  REQUIRE_FALSE(packed.ok());
  CHECK(packed.error().kind == ErrorKind::kUsage);
  PackOptions options = chunks_of(1 << 20);
  options.parent = DeltaParent{"base.mirn", "parent", "token", kMiB, 256 << 10};
  packed = pack(disk, options);
  if (!packed) FAIL(packed.error().message);
  const auto reader = SnapshotReader::open(file_of(packed->bytes)).value();
  CHECK(reader->info().parent_state == "parent");
  CHECK(reader->info().parent_change_token == "token");
  CHECK(reader->header().hx->chunk_size == 256 << 10);
  options.is_chunk_size_given = true;
  CHECK(pack(disk, options).error().kind == ErrorKind::kUsage);
  options.is_chunk_size_given = false;
  options.parent->size = 5;
  CHECK(pack(disk, options).error().kind == ErrorKind::kRefused);
  options.parent->size = kMiB;
  disk->mutable_info().parent_state = "other";
  CHECK(pack(disk, options).error().kind == ErrorKind::kRefused);
}

TEST_CASE("digests of a stream's chunks, and its tree, come into the delta and out of it", "[delta]") {
  const Digest leaf = Sha256::of(as_bytes("a chunk")), tree = Sha256::of(as_bytes("a tree"));
  MemoryWriter out;
  const auto writer = stream_writer(out, 1);
  DiskInfo info;
  info.key = "d";
  info.size = 150000;
  info.kind = DiskKind::kDelta;
  info.parent_state = "p";
  info.chunk_size = 64 << 10;
  REQUIRE(writer->begin_disk(info).ok());
  REQUIRE(writer->put({100, 3, Kind::kData, Buffer::copy_of(as_bytes("abc"))}).ok());
  REQUIRE(writer->put({200, 50, Kind::kZero, {}}).ok());
  REQUIRE(writer->put_digest({{0, 64 << 10}, leaf}).ok());
  REQUIRE(writer->put({65536, 65536, Kind::kZero, {}}).ok());
  REQUIRE(writer->end_disk({150000, 3, 0, {}, tree}).ok());
  REQUIRE(writer->commit().ok());
  MemoryReader in(as_bytes(out.bytes()));
  BufferPool pool(kMaxPayload, 8);
  MemoryFile file;
  const auto output = rewriting_output(file.fd(), "packed").value();
  const auto sink = snapshot_sink(*output, {});
  REQUIRE(pump(*stream_reader(in, pool), *sink, {}).ok());
  REQUIRE(sink->commit().ok());
  CHECK(sink->totals().result == tree);
  const auto reader = SnapshotReader::open(file_of(file.content())).value();
  CHECK(reader->directory().result == tree);
  REQUIRE(reader->page(0).value()->entries.size() == 2);
  CHECK(reader->page(0).value()->entries[0].result == leaf);
  CHECK_FALSE(reader->page(0).value()->entries[1].result);

  CollectingSink again;
  const std::string bytes = file.content();
  Dribble pipe(as_bytes(bytes), 1000);
  const SnapshotHeader header = read_header(pipe).value();
  const auto source = indexed_source(pipe, header, 1);
  struct Digests : CollectingSink {
    Status put_digest(const ChunkDigest& digest) override {
      seen.push_back({digest, disks.back().extents.size()});
      return {};
    }
    std::vector<std::pair<ChunkDigest, size_t>> seen;
  } digests;
  REQUIRE(pump(*source, digests, {}).ok());
  REQUIRE(digests.seen.size() == 1);
  CHECK(digests.seen[0].first == ChunkDigest{{0, 64 << 10}, leaf});
  CHECK(digests.seen[0].second >= 4);  // absent, data, absent, zero came before it
  CHECK(source->totals().tree == tree);
}
