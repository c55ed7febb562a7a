// Snapshots whose checksums are all right and whose index lies: what a damaged writer, or an attacker, makes.
#include <catch2/catch.hpp>

#include <cstring>

#include "support/memory_disk.h"
#include "support/packed.h"
#include "support/snapshot_builder.h"
#include "support/snapshot_reading.h"

using namespace hx;
using namespace hx::test;

namespace {

constexpr uint64_t kChunk = mirn::kMinChunkSize;
const std::string kFirst = "x" + std::string(kChunk - 1, '\0'), kSecond = "y" + std::string(kChunk - 1, '\0');

// Four chunks in two pages, and a machine file.
void fill(SnapshotBuilder& builder) {
  builder.data(kFirst).zero(kChunk).page().data(kSecond).data("end").page().file("vm.vmx", "x=1");
}
std::string built(const std::function<void(SnapshotBuilder&)>& change) {
  SnapshotBuilder builder;
  change(builder);
  fill(builder);
  return builder.build();
}
void expect_refused(const std::string& bytes) {
  for (auto& result : {read_by_place(bytes), read_in_sequence(bytes)}) {
    REQUIRE_FALSE(result.ok());
    const Error& error = const_cast<Result<std::string>&>(result).error();
    INFO(error.message);
    CHECK(error.kind == ErrorKind::kDamaged);
    CHECK((error.message.starts_with("file: at ") || error.message.starts_with("pipe: at ")));
  }
}
void expect_lie_refused(const char* lie, const std::function<void(Directory&)>& change) {
  INFO(lie);
  expect_refused(built([&](SnapshotBuilder& builder) { builder.on_directory = change; }));
}
// In the page of this number.
void expect_lie_refused(const char* lie, uint32_t number, const std::function<void(IndexPage&)>& change) {
  INFO(lie);
  expect_refused(built([&](SnapshotBuilder& builder) {
    builder.on_page = [&](IndexPage& page) {
      if (page.number == number) change(page);
    };
  }));
}

}  // namespace

TEST_CASE("the builder of these tests and the library write the same bytes", "[hostile]") {
  SnapshotBuilder builder;
  builder.data(kFirst).zero(kChunk).data(kSecond).data("end").page();
  const std::string expected = builder.build();
  auto disk = MemoryDisk::of_text(builder.image());
  disk->mutable_info().name = builder.header().name;
  disk->mutable_info().state = builder.header().hx->state;
  PackOptions options;
  options.chunk_size = kChunk;
  options.filesystem = builder.header().filesystem;
  options.timestamp = builder.header().timestamp;
  options.created_by = builder.header().hx->created_by;
  for (const Path path : {Path::kPut, Path::kPutDisk}) {
    auto packed = pack(disk, options, Way::kRewriting, path);
    if (!packed) FAIL(packed.error().message);
    CHECK((packed->bytes == expected));
  }
  CHECK((read_by_place(expected).value() == builder.image()));
  CHECK((read_in_sequence(expected).value() == builder.image()));
  CHECK((read_by_place(built([](SnapshotBuilder&) {})).value() == builder.image()));
}

TEST_CASE("a directory that lies is refused", "[hostile]") {
  expect_lie_refused("another tree", [](Directory& d) { d.tree.bytes[0] ^= std::byte{1}; });
  expect_lie_refused("another checksum", [](Directory& d) { d.image_digest->bytes[0] ^= std::byte{1}; });
  expect_lie_refused("another header", [](Directory& d) { d.header_digest.bytes[31] ^= std::byte{1}; });
  expect_lie_refused("a larger disk", [](Directory& d) { d.size += 1; });
  expect_lie_refused("a smaller disk", [](Directory& d) { d.size -= 1; });
  expect_lie_refused("a disk of exabytes", [](Directory& d) { d.size = ~uint64_t{0}; });
  expect_lie_refused("another chunk size", [](Directory& d) { d.chunk_size *= 2; });
  expect_lie_refused("no chunk size", [](Directory& d) { d.chunk_size = 0; });
  expect_lie_refused("more frames", [](Directory& d) { ++d.frame_count; });
  expect_lie_refused("more data", [](Directory& d) { ++d.data_bytes; });
  expect_lie_refused("more compressed data", [](Directory& d) { ++d.data_frame_bytes; });
  expect_lie_refused("a page less", [](Directory& d) { d.pages.pop_back(); });
  expect_lie_refused("no pages", [](Directory& d) { d.pages.clear(); });
  expect_lie_refused("a page twice", [](Directory& d) { d.pages.push_back(d.pages.back()); });
  expect_lie_refused("pages swapped", [](Directory& d) { std::swap(d.pages[0], d.pages[1]); });
  expect_lie_refused("a page of 4 GiB", [](Directory& d) { d.pages[1].size = 0xFFFFFFFF; });
  expect_lie_refused("a page at the end of all", [](Directory& d) { d.pages[1].offset = ~uint64_t{0} - 4; });
  expect_lie_refused("a page elsewhere", [](Directory& d) { d.pages[1].offset = d.pages[0].offset; });
  expect_lie_refused("a page that begins elsewhere", [](Directory& d) { d.pages[1].begin = d.pages[1].begin + 1; });
  expect_lie_refused("a page of more entries", [](Directory& d) { d.pages[1].entry_count = 3; });
  expect_lie_refused("another page", [](Directory& d) { d.pages[1].xxh3 = 1; });
  expect_lie_refused("the directory elsewhere", [](Directory& d) { d.position -= 8; });
  expect_lie_refused("the directory behind the end", [](Directory& d) { d.position = ~uint64_t{0}; });
  expect_lie_refused("no machine file", [](Directory& d) { d.files.clear(); });
  expect_lie_refused("a machine file more", [](Directory& d) { d.files.push_back({"other", 0, Sha256::of({})}); });
  expect_lie_refused("a machine file twice", [](Directory& d) { d.files.push_back(d.files[0]); });
  expect_lie_refused("a longer machine file", [](Directory& d) { ++d.files[0].size; });
  expect_lie_refused("a huge machine file", [](Directory& d) { d.files[0].size = kTiB; });
  expect_lie_refused("another machine file", [](Directory& d) { d.files[0].digest.bytes[0] ^= std::byte{1}; });
  for (const char* name : {"../vm.vmx", "/etc/passwd", "", "..", "a\nb"})
    expect_lie_refused("a machine file that climbs", [&](Directory& d) { d.files[0].name = name; });
}

TEST_CASE("an index page that lies is refused", "[hostile]") {
  expect_lie_refused("another number", 1, [](IndexPage& p) { p.number = 2; });
  expect_lie_refused("frames elsewhere", 1, [](IndexPage& p) { p.first_frame += 1; });
  expect_lie_refused("frames before the beginning", 1, [](IndexPage& p) { p.first_frame = ~uint64_t{0}; });
  expect_lie_refused("an entry less", 1, [](IndexPage& p) { p.entries.pop_back(); });
  expect_lie_refused("another leaf", 1, [](IndexPage& p) { p.entries[0].leaf.bytes[0] ^= std::byte{1}; });
  expect_lie_refused("another checksum", 1, [](IndexPage& p) { p.entries[0].xxh3 ^= 1; });
  expect_lie_refused("another checksum of zeros", 0, [](IndexPage& p) { p.entries[1].xxh3 ^= 1; });
  expect_lie_refused("a leaf of zeros", 0, [](IndexPage& p) { p.entries[1].leaf.bytes[0] = std::byte{1}; });
  expect_lie_refused("data for zeros", 0, [](IndexPage& p) { p.entries[1].kind = Kind::kData; });
  expect_lie_refused("zeros for data", 1, [](IndexPage& p) { p.entries[0].kind = Kind::kZero; });
  expect_lie_refused("an absent chunk", 1, [](IndexPage& p) { p.entries[0].kind = Kind::kAbsent; });
  expect_lie_refused("a longer frame", 1, [](IndexPage& p) { ++p.entries[1].compressed_size; });
  expect_lie_refused("a frame of 4 GiB", 1, [](IndexPage& p) { p.entries[1].compressed_size = 0xFFFFFFFF; });
  expect_lie_refused("no frame", 1, [](IndexPage& p) { p.entries[1].compressed_size = 0; });
  expect_lie_refused("a shorter disk", 1, [](IndexPage& p) { --p.entries[1].extent.length; });
  expect_lie_refused("a longer disk", 1, [](IndexPage& p) { ++p.entries[1].extent.length; });
  expect_lie_refused("an empty extent", 1, [](IndexPage& p) { p.entries[1].extent.length = 0; });
  expect_lie_refused("a gap", 1, [](IndexPage& p) { p.entries[1].extent.offset += kChunk; });
  expect_lie_refused("the other chunk's place", 1,
                     [](IndexPage& p) { std::swap(p.entries[0].extent, p.entries[1].extent); });
  expect_lie_refused("frames swapped", 1, [](IndexPage& p) { std::swap(p.entries[0].leaf, p.entries[1].leaf); });
  expect_lie_refused("too many entries", 1,
                     [](IndexPage& p) { p.entries.resize(mirn::kMaxPageEntries + 1, p.entries[0]); });
}

TEST_CASE("counts that are larger than the file take no memory", "[hostile]") {
  Directory directory;
  directory.chunk_size = kChunk;
  std::string frame = encode_directory(directory);
  const auto patched = [&](size_t at, uint32_t value) {
    std::string bytes = frame;
    const Le32 stored = value;
    std::memcpy(bytes.data() + at, &stored, sizeof stored);
    std::memcpy(bytes.data() + bytes.size() - 24, &stored, sizeof stored);  // the tail's page count
    const Le64 checksum = xxh3_64(as_bytes(bytes).first(bytes.size() - 16));
    std::memcpy(bytes.data() + bytes.size() - 16, &checksum, sizeof checksum);
    return bytes;
  };
  const size_t page_count = sizeof(mirn::SkippableHeader) + sizeof(mirn::DirectoryHeader) - 8;
  REQUIRE(decode_directory(as_bytes(patched(page_count, 0))).ok());
  CHECK(decode_directory(as_bytes(patched(page_count, 0xFFFFFFFF))).error().message == "is cut short");
  std::string no_pages = patched(page_count, 0);
  const Le32 huge = 0xFFFFFFFFu;
  std::memcpy(no_pages.data() + page_count + 4, &huge, sizeof huge);
  const Le64 checksum = xxh3_64(as_bytes(no_pages).first(no_pages.size() - 16));
  std::memcpy(no_pages.data() + no_pages.size() - 16, &checksum, sizeof checksum);
  CHECK(decode_directory(as_bytes(no_pages)).error().message == "has too long a list of files");
}

TEST_CASE("a frame that is longer than any of ours is not read into memory", "[hostile]") {
  const std::string good = built([](SnapshotBuilder&) {});
  MemoryReader in(as_bytes(good));
  const std::string header = read_header(static_cast<const RandomReader&>(in)).value().bytes;
  for (const uint32_t magic :
       {mirn::kPageMagic, mirn::kDirectoryMagic, mirn::kMachineFileMagic, kSeekTableMagic, 0x184D2A50u}) {
    const Le32 frame[2] = {magic, 0xFFFFFFFFu};
    auto result =
        read_in_sequence(header + std::string(as_text(std::as_bytes(std::span(frame)))) + good.substr(header.size()));
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().kind == ErrorKind::kDamaged);
  }
}

TEST_CASE("our snapshot under a header of the original's is refused: its header is damaged", "[hostile]") {
  SnapshotBuilder builder;
  fill(builder);
  const std::string bytes = builder.build();
  MemoryReader in(as_bytes(bytes));
  SnapshotHeader header = read_header(static_cast<const RandomReader&>(in)).value();
  const size_t body = header.body_offset();
  header.hx.reset();
  auto result = read_in_sequence(encode_header(header) + bytes.substr(body));
  REQUIRE_FALSE(result.ok());
  CHECK_THAT(result.error().message, Catch::Matchers::Contains("an index that the header does not tell of"));
}
