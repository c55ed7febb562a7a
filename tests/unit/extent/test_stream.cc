// What a stream's writer writes, its reader reads; anything else is seen.
#include <catch2/catch.hpp>

#include <sstream>

#include "contract/extent_source_contract.h"
#include "extent/pump.h"
#include "extent/read_ahead.h"
#include "extent/stream_reader.h"
#include "extent/stream_writer.h"
#include "io/fd_io.h"
#include "support/collected.h"
#include "support/man_dump.h"
#include "support/memory_disk.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

Result<std::vector<CollectedDisk>> read_stream(std::string_view text) {
  MemoryReader in(as_bytes(text), "stdin");
  BufferPool pool(kMaxPayload, 4);
  return collect(*stream_reader(in, pool));
}
Error error_of(Result<std::vector<CollectedDisk>> result) {
  REQUIRE_FALSE(result.ok());
  return std::move(result).error();
}
std::unique_ptr<ExtentSource> source_of(std::shared_ptr<const DiskReader> disk) {
  ExtentList all = disk->map(0, disk->info().size).value();
  return read_ahead(std::move(disk), std::move(all), {});
}
// As hx-fetch does.
std::string stream_of(std::vector<std::shared_ptr<const DiskReader>> disks) {
  std::vector<std::unique_ptr<ExtentSource>> sources;
  for (const auto& disk : disks) sources.push_back(source_of(disk));
  MemoryWriter out;
  auto writer = stream_writer(out, disks.size());
  Status pumped = pump(*concatenate(std::move(sources)), *writer, {});
  if (!pumped) FAIL(pumped.error().message);
  REQUIRE(writer->commit().ok());
  return out.bytes();
}

// Little, but with all kinds of records.
std::string small_stream() {
  auto first =
      std::make_shared<MemoryDisk>(70000, std::vector<MapEntry>{{0, 40, Kind::kData}, {69990, 10, Kind::kData}});
  first->mutable_info().files = {{"vm.ovf", "<xml/>"}, {"empty", ""}};
  first->mutable_info().state = "s1";
  auto second = std::make_shared<MemoryDisk>(5000, std::vector<MapEntry>{{10, 20, Kind::kData}, {100, 7, Kind::kZero}},
                                             2, DiskKind::kDelta);
  second->mutable_info().key = "disk1";
  return stream_of({first, second});
}

}  // namespace

TEST_CASE("the format is frozen: the stream that the manual shows is the one that is written", "[stream]") {
  MemoryWriter out;
  auto writer = stream_writer(out, 1);
  DiskInfo info;
  info.key = "disk0";
  info.name = "web-01";
  info.size = 4096;
  info.files = {{"vm.vmx", "x=1\n"}};
  REQUIRE(writer->begin_disk(info).ok());
  REQUIRE(writer->put({0, 5, Kind::kData, Buffer::copy_of(as_bytes("hello"))}).ok());
  REQUIRE(writer->put({5, 4091, Kind::kZero, {}}).ok());
  REQUIRE(writer->end_disk({4096, 5, 4091, {}}).ok());
  REQUIRE(writer->commit().ok());
  CHECK((out.bytes() == dumped_in(read_file(HX_TESTS_DIR "/../man/hx-stream.5"))));
  CHECK(read_stream(out.bytes()).ok());
}

TEST_CASE("disks survive the stream", "[stream]") {
  auto big = std::make_shared<MemoryDisk>(
      5 * kMiB + 123, std::vector<MapEntry>{{1000, 2 * kMiB, Kind::kData}, {4 * kMiB, kMiB + 123, Kind::kData}});
  auto empty = std::make_shared<MemoryDisk>(0);
  auto zero = std::make_shared<MemoryDisk>(uint64_t{1} << 50);  // 1 PiB, without a byte of data
  const std::string text = stream_of({big, empty, zero});
  CHECK(text.size() < 4 * kMiB);
  auto disks = read_stream(text);
  REQUIRE(disks.ok());
  REQUIRE(disks->size() == 3);
  CHECK((disks.value()[0].image() == big->text()));
  CHECK(disks.value()[1].totals.size == 0);
  CHECK(disks.value()[1].extents.empty());
  CHECK(disks.value()[2].map() == std::vector<MapEntry>{{0, uint64_t{1} << 50, Kind::kZero}});
  CHECK(disks.value()[2].info.key == "disk2");
}

TEST_CASE("all that is known of a disk survives the stream", "[stream]") {
  auto disk = std::make_shared<MemoryDisk>(kMiB, std::vector<MapEntry>{{0, 10, Kind::kData}}, 1, DiskKind::kDelta);
  DiskInfo& info = disk->mutable_info();
  info = {"2000",
          "web-01 ä",
          kMiB,
          DiskKind::kDelta,
          {},
          "s2",
          "s1",
          "tok\n2",
          "tok1",
          "none",
          {{"vm.vmx", std::string(3 * kMiB + 5, 'v')}, {"nvram", std::string("\0\1\2", 3)}, {"empty", ""}}};
  auto disks = read_stream(stream_of({disk}));
  if (!disks) FAIL(disks.error().message);
  const DiskInfo& got = disks->at(0).info;
  CHECK(got.key == info.key);
  CHECK(got.name == info.name);
  CHECK(got.size == info.size);
  CHECK(got.kind == info.kind);
  CHECK(got.state == info.state);
  CHECK(got.parent_state == info.parent_state);
  CHECK(got.change_token == info.change_token);
  CHECK(got.parent_change_token == info.parent_change_token);
  CHECK(got.consistency == "none");
  REQUIRE(got.files.size() == 3);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(got.files[i].name == info.files[i].name);
    CHECK((got.files[i].content == info.files[i].content));
  }
}

TEST_CASE("in a delta a gap comes out as absent, never as zero", "[stream]") {
  auto disk = std::make_shared<MemoryDisk>(
      3 * kMiB,
      std::vector<MapEntry>{
          {4096, 100, Kind::kData}, {8192, 50, Kind::kZero}, {9000, 50, Kind::kZero}, {9100, 5, Kind::kData}},
      1, DiskKind::kDelta);
  auto disks = read_stream(stream_of({disk}));
  REQUIRE(disks.ok());
  CHECK(disks->at(0).map() == disk->whole_map().entries());
  CHECK(disks->at(0).map().back() == MapEntry{9105, 3 * kMiB - 9105, Kind::kAbsent});
}

TEST_CASE("a part covers its ranges and no more", "[stream]") {
  auto disk = std::make_shared<MemoryDisk>(kMiB, std::vector<MapEntry>{{0, kMiB, Kind::kData}});
  ExtentList what = clip(disk->whole_map(), {{100, 200}, {5000, 10}});
  MemoryWriter out;
  auto writer = stream_writer(out, 1);
  REQUIRE(pump(*read_ahead(disk, what, {}), *writer, {}).ok());
  REQUIRE(writer->commit().ok());
  auto disks = read_stream(out.bytes());
  REQUIRE(disks.ok());
  CHECK(disks->at(0).info.kind == DiskKind::kPart);
  CHECK(disks->at(0).info.ranges == std::vector<Range>{{100, 200}, {5000, 10}});
  CHECK(disks->at(0).map() == what.entries());
  CHECK(disks->at(0).extents[1].bytes == disk->text(5000, 10));
}

TEST_CASE("a size and a digest that are known at the end only come with DONE", "[stream]") {
  MemoryWriter out;
  auto writer = stream_writer(out, 1);
  DiskInfo info;
  info.key = "d";
  info.size = kUnknownSize;
  const Digest digest = *parse_digest(std::string(64, 'a'));
  REQUIRE(writer->begin_disk(info).ok());
  REQUIRE(writer->put({0, 3, Kind::kData, Buffer::copy_of(as_bytes("abc"))}).ok());
  REQUIRE(writer->put({3, 10, Kind::kZero, {}}).ok());
  REQUIRE(writer->end_disk({13, 3, 10, digest}).ok());
  REQUIRE(writer->commit().ok());
  auto disks = read_stream(out.bytes());
  if (!disks) FAIL(disks.error().message);
  CHECK(disks->at(0).info.size == kUnknownSize);
  CHECK(disks->at(0).totals.size == 13);
  CHECK(disks->at(0).totals.image_digest == digest);
}

TEST_CASE("zeros that follow each other are one record", "[stream]") {
  MemoryWriter out;
  auto writer = stream_writer(out, 1);
  DiskInfo info;
  info.key = "d";
  info.size = 30;
  REQUIRE(writer->begin_disk(info).ok());
  for (uint64_t at : {0, 10, 20}) REQUIRE(writer->put({at, 10, Kind::kZero, {}}).ok());
  REQUIRE(writer->end_disk({30, 0, 30, {}}).ok());
  REQUIRE(writer->commit().ok());
  auto disks = read_stream(out.bytes());
  REQUIRE(disks.ok());
  CHECK(disks->at(0).extents.size() == 1);
}

TEST_CASE("a stream reader keeps the contract of sources", "[stream]") {
  auto disk = std::make_shared<MemoryDisk>(3 * kMiB + 7, std::vector<MapEntry>{{10, 2 * kMiB, Kind::kData}});
  auto delta =
      std::make_shared<MemoryDisk>(kMiB, std::vector<MapEntry>{{kMiB / 2, 1000, Kind::kData}}, 3, DiskKind::kDelta);
  const std::string text = stream_of({disk, delta});
  MemoryReader in(as_bytes(text), "stdin");
  BufferPool pool(kMaxPayload, 2);
  const ByteSpan seen = as_bytes(text).first(16);
  std::byte taken[16];
  REQUIRE(in.ByteReader::read_full(taken).value() == 16);
  std::string delta_image(kMiB, '?');
  delta_image.replace(kMiB / 2, 1000, delta->text(kMiB / 2, 1000));
  expect_contract(*stream_reader(in, pool, seen), {disk->text(), delta_image});
}

TEST_CASE("a cut is seen at every byte", "[stream]") {
  const std::string text = small_stream();
  REQUIRE(read_stream(text).ok());
  for (size_t length = 0; length < text.size(); ++length) {
    INFO("cut to " << length);
    const Error error = error_of(read_stream(std::string_view(text).substr(0, length)));
    REQUIRE(error.kind == ErrorKind::kDamaged);
    REQUIRE(error.message.starts_with("stdin: "));
  }
}

TEST_CASE("a flip is seen at every byte", "[stream]") {
  const std::string text = small_stream();
  for (size_t at = 0; at < text.size(); ++at) {
    for (const char flip : {'\x01', '\x80', '\xff'}) {
      std::string bad = text;
      bad[at] = static_cast<char>(bad[at] ^ flip);
      INFO("byte " << at << " flipped by " << int(flip));
      const Error error = error_of(read_stream(bad));
      REQUIRE((error.kind == ErrorKind::kDamaged || error.kind == ErrorKind::kUnsupported));
      REQUIRE(error.message.starts_with("stdin: "));
    }
  }
}

TEST_CASE("bytes after END are refused", "[stream]") {
  const Error error = error_of(read_stream(small_stream() + '\0'));
  CHECK(error.kind == ErrorKind::kDamaged);
  CHECK(error.message == "stdin: bytes after the END record, at byte " + std::to_string(small_stream().size()));
}

TEST_CASE("nothing, and what is no stream, is refused with a hint", "[stream]") {
  const Error nothing = error_of(read_stream(""));
  CHECK(nothing.kind == ErrorKind::kDamaged);
  CHECK(nothing.message == "stdin: is empty, not an extent stream");
  CHECK_FALSE(nothing.hint.empty());
  const Error text = error_of(read_stream("hello, world: not a stream at all"));
  CHECK(text.kind == ErrorKind::kDamaged);
  CHECK_FALSE(text.hint.empty());
}

TEST_CASE("an ABORT carries status, reason, message and hint", "[stream]") {
  const Error error =
      source_changed("disk.img: changed while it was read").with_reason("source-changed").with_hint("stop it");
  SECTION("before anything else") {
    MemoryWriter out;
    stream_writer(out, 3)->abort(error);
    const Error got = error_of(read_stream(out.bytes()));
    CHECK(got.kind == ErrorKind::kChanged);
    CHECK(got.message == "the source failed: " + error.message);
    CHECK(got.reason == "source-changed");
    CHECK(got.hint == "stop it");
  }
  SECTION("from a source that fails in the middle") {
    auto disk = std::make_shared<MemoryDisk>(4 * kMiB, std::vector<MapEntry>{{0, 4 * kMiB, Kind::kData}});
    disk->fail_at(3 * kMiB, Error{ErrorKind::kPermission, "memory: read at 3145728: no", "", ""});
    MemoryWriter out;
    auto writer = stream_writer(out, 1);
    CHECK_FALSE(pump(*source_of(disk), *writer, {}).ok());
    const Error got = error_of(read_stream(out.bytes()));
    CHECK(got.kind == ErrorKind::kPermission);
    CHECK(got.message == "the source failed: memory: read at 3145728: no");
  }
  SECTION("that cannot steer the terminal") {
    MemoryWriter out;
    stream_writer(out, 1)->abort(damaged("a\x1b[2Jb\n"));
    CHECK(error_of(read_stream(out.bytes())).message == "the source failed: a?[2Jb?");
  }
}

TEST_CASE("after an error a reader gives nothing but that error", "[stream]") {
  std::string text = small_stream();
  text.resize(text.size() - 1);
  MemoryReader in(as_bytes(text), "stdin");
  BufferPool pool(kMaxPayload, 4);
  auto reader = stream_reader(in, pool);
  const Error first = error_of(collect(*reader));
  CHECK(reader->next_disk().error().message == first.message);
}

TEST_CASE("a writer does not let wrong extents out", "[stream]") {
  const auto put = [](uint64_t size, std::vector<MapEntry> entries) -> Status {
    MemoryWriter out;
    auto writer = stream_writer(out, 1);
    DiskInfo info;
    info.key = "d";
    info.size = size;
    REQUIRE(writer->begin_disk(info).ok());
    for (const MapEntry& entry : entries) {
      Buffer data;
      if (entry.kind == Kind::kData) data = Buffer::copy_of(as_bytes(std::string(entry.length, 'x')));
      HX_TRY(writer->put({entry.offset, entry.length, entry.kind, std::move(data)}));
    }
    return writer->end_disk({size, 0, 0, {}});
  };
  CHECK(put(10, {{0, 10, Kind::kZero}}).ok());
  CHECK_FALSE(put(10, {{0, 5, Kind::kZero}}).ok());                       // a gap at the end
  CHECK_FALSE(put(10, {{1, 9, Kind::kZero}}).ok());                       // at the beginning
  CHECK_FALSE(put(10, {{0, 11, Kind::kZero}}).ok());                      // too long
  CHECK_FALSE(put(10, {{0, 5, Kind::kZero}, {4, 6, Kind::kZero}}).ok());  // overlap
  CHECK_FALSE(put(10, {{0, 10, Kind::kAbsent}}).ok());                    // absent in a full disk
  CHECK_FALSE(put(2 * kMiB, {{0, kMiB + 1, Kind::kData}}).ok());          // over the grid
}
