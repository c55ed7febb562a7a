// Deltas whose checksums are all right and which lie.
#include <catch2/catch.hpp>

#include "support/delta_builder.h"
#include "support/deltas.h"

using namespace hx;
using namespace hx::test;

namespace {

constexpr uint64_t kChunk = mirn::kMinChunkSize, kSize = 5 * kChunk + 100;
const std::string kFirst = "some data", kWhole = "x" + std::string(kChunk - 1, '\0');

// A part with data and zeros, a whole chunk, a run of zeros; in another page a part of zeros, the last bytes.
std::string built(const std::function<void(DeltaBuilder&)>& change) {
  DeltaBuilder builder(kSize);
  change(builder);
  builder.part({{10, 4, Kind::kData}, {14, 6, Kind::kZero}, {100, 5, Kind::kData}}, kFirst, Sha256::of({}))
      .part({{kChunk, kChunk, Kind::kData}}, kWhole)
      .part({{2 * kChunk, 2 * kChunk, Kind::kZero}}, "")
      .page()
      .part({{4 * kChunk + 7, 9, Kind::kZero}, {4 * kChunk + 20, 1, Kind::kZero}}, "")
      .part({{kSize - 3, 3, Kind::kData}}, "end")
      .page();
  return builder.build();
}
void expect_refused(const char* lie, const std::string& bytes) {
  INFO(lie);
  auto by_place = said_by_place(bytes);
  auto in_sequence = collected_in_sequence(bytes);
  REQUIRE_FALSE(by_place.ok());
  REQUIRE_FALSE(in_sequence.ok());
  CHECK(by_place.error().kind == ErrorKind::kDamaged);
  CHECK(in_sequence.error().kind == ErrorKind::kDamaged);
}
// Of the entry with this number, in page and extents frame.
void expect_entry_refused(const char* lie, size_t number, const std::function<void(FrameEntry&)>& change) {
  expect_refused(lie, built([&, at = size_t{0}](DeltaBuilder& builder) mutable {
                   builder.on_entry = [&change, number, at](FrameEntry& entry) mutable {
                     if (at++ == number) change(entry);
                   };
                 }));
}

}  // namespace

TEST_CASE("a delta made by hand is read, and the library writes the same", "[hostile]") {
  const std::string bytes = built([](DeltaBuilder&) {});
  auto said = said_by_place(bytes);
  if (!said) FAIL(said.error().message);
  CHECK((*said == collected_in_sequence(bytes).value().image()));
  CHECK(said->substr(10, 4) == "some");
  CHECK(said->substr(100, 5) == " data");
  CHECK(said->substr(14, 7) == std::string(6, '\0') + "?");

  DeltaBuilder builder(kChunk + 5);
  builder.part({{1, 3, Kind::kData}, {4, 10, Kind::kZero}}, "abc").part({{kChunk, 5, Kind::kZero}}, "").page();
  builder.header().name = "memory";
  auto disk = MemoryDisk::of_text(std::string(1, '\0') + "abc" + std::string(kChunk + 1, '\0'));
  disk->mutable_info().kind = DiskKind::kDelta;
  struct Delta : DiskReader {
    explicit Delta(std::shared_ptr<MemoryDisk> from) : disk(std::move(from)) {}
    const DiskInfo& info() const override { return disk->info(); }
    const std::string& name() const override { return disk->name(); }
    Status read_at(uint64_t offset, MutableByteSpan out) const override { return disk->read_at(offset, out); }
    Status check_unchanged() const override { return {}; }
    Result<ExtentList> map(uint64_t, uint64_t) const override {
      ExtentList list;
      for (const MapEntry& entry : std::vector<MapEntry>{{0, 1, Kind::kAbsent},
                                                         {1, 3, Kind::kData},
                                                         {4, 10, Kind::kZero},
                                                         {14, kChunk - 14, Kind::kAbsent},
                                                         {kChunk, 5, Kind::kZero}})
        HX_TRY(list.append(entry));
      return list;
    }
    std::shared_ptr<MemoryDisk> disk;
  };
  disk->mutable_info().state = builder.header().hx->state;
  disk->mutable_info().parent_state = builder.header().hx->parent_state;
  PackOptions options;
  options.chunk_size = kChunk;
  options.created_by = "builder";
  auto packed = pack(std::make_shared<Delta>(disk), options);
  if (!packed) FAIL(packed.error().message);
  CHECK((packed->bytes == builder.build()));
}

TEST_CASE("a delta whose entries lie is refused", "[hostile]") {
  expect_entry_refused("another chunk's bytes", 0, [](FrameEntry& e) { e.leaf.bytes[0] ^= std::byte{1}; });
  expect_entry_refused("extents of two chunks", 0,
                       [](FrameEntry& e) { e.extents[2].offset = kChunk + 1, e.extent.length = kChunk - 4; });
  expect_entry_refused("extents out of order", 0, [](FrameEntry& e) { std::swap(e.extents[0], e.extents[2]); });
  expect_entry_refused("extents that overlap", 0, [](FrameEntry& e) { e.extents[1].length = 100; });
  expect_entry_refused("an empty extent", 0, [](FrameEntry& e) { e.extents[1].length = 0; });
  expect_entry_refused("two extents that are one", 0, [](FrameEntry& e) { e.extents[1].kind = Kind::kData; });
  expect_entry_refused("more content than the frame", 0, [](FrameEntry& e) { e.extents[2].length = 6; });
  expect_entry_refused("less content than the frame", 0, [](FrameEntry& e) { e.extents[2].length = 4; });
  expect_entry_refused("a frame that is zeros", 0, [](FrameEntry& e) { e.kind = Kind::kZero; });
  expect_entry_refused("a kind that is none", 0, [](FrameEntry& e) { e.extents[2].kind = Kind::kAbsent; });
  expect_entry_refused("a result that follows", 1, [](FrameEntry& e) { e.result = e.leaf; });
  expect_entry_refused("a chunk where one was", 1, [](FrameEntry& e) { e.extent.offset = 0; });
  expect_entry_refused("zeros with a leaf", 2, [](FrameEntry& e) { e.leaf.bytes[0] = std::byte{1}; });
  expect_entry_refused("zeros with a frame", 2, [](FrameEntry& e) { e.compressed_size = 5; });
  expect_entry_refused("zeros of a frame that is not there", 2, [](FrameEntry& e) { e.xxh3 = 5; });
  expect_entry_refused("a run off the grid", 2, [](FrameEntry& e) { e.extent.length -= 1; });
  expect_entry_refused("a run over the next", 2, [](FrameEntry& e) { e.extent.length = 3 * kChunk; });
  expect_entry_refused("zeros that are data", 3, [](FrameEntry& e) { e.kind = Kind::kData; });
  expect_entry_refused("beyond the disk", 4, [](FrameEntry& e) { e.extent.offset += 1; });
  expect_entry_refused("far beyond the disk", 4, [](FrameEntry& e) { e.extent.offset = ~uint64_t{0} - 2; });
}

TEST_CASE("a delta whose parts contradict each other is refused", "[hostile]") {
  expect_refused("extents that the page has not", built([](DeltaBuilder& b) {
                   b.on_extents = [](FrameEntry& e) {
                     if (!e.extents.empty() && e.extents[0].offset == 10)
                       e.extents[0] = {9, 5, Kind::kData}, e.extent = {9, 96};
                   };
                 }));
  expect_refused("a result that the page has not", built([](DeltaBuilder& b) {
                   b.on_extents = [](FrameEntry& e) {
                     if (e.result) e.result->bytes[0] ^= std::byte{1};
                   };
                 }));
  expect_refused("a page without its first entry", built([](DeltaBuilder& b) {
                   b.on_page = [](IndexPage& page) {
                     if (page.number == 0) page.entries.erase(page.entries.begin());
                   };
                 }));
  expect_refused("another identity", built([](DeltaBuilder& b) {
                   b.on_directory = [](Directory& d) { d.tree.bytes[0] ^= std::byte{1}; };
                 }));
  expect_refused("other zeros",
                 built([](DeltaBuilder& b) { b.on_directory = [](Directory& d) { d.zero_bytes += 1; }; }));
  expect_refused("a full one's directory",
                 built([](DeltaBuilder& b) { b.on_directory = [](Directory& d) { d.kind = DiskKind::kFull; }; }));
  expect_refused("an image's digest",
                 built([](DeltaBuilder& b) { b.on_directory = [](Directory& d) { d.image_digest = Digest{}; }; }));
  expect_refused("version 1's directory", built([](DeltaBuilder& b) {
                   b.on_directory = [](Directory& d) { d.version = 1, d.kind = DiskKind::kFull; };
                 }));
  expect_refused("a header of a full one", built([](DeltaBuilder& b) {
                   b.header().hx->kind = DiskKind::kFull;
                   b.header().hx->parent_state.clear();
                 }));
  expect_refused("no parent", built([](DeltaBuilder& b) { b.header().hx->parent_state.clear(); }));
}
