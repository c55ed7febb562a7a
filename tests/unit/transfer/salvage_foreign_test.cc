// Bytes of another snapshot over ours: whatever of them proves itself, it is not taken for the disk.
#include <catch2/catch.hpp>

#include "snapshot/heal.h"
#include "support/saved.h"
#include "support/snapshot_builder.h"
#include "transfer/salvage_job.h"

using namespace hx;
using namespace hx::test;

namespace {

constexpr uint64_t kChunk = 64 * kKiB, kChunksOfPage = 4, kPages = 3;
constexpr uint64_t kSize = kPages * kChunksOfPage * kChunk;

// Noise, so that what stands at a place of one stands there in the other, too.
struct Noise {
  std::string image, bytes;
};
Noise snapshot_of_noise(uint64_t seed, const char* state) {
  SnapshotBuilder builder;
  builder.header().hx->state = state;
  for (uint64_t page = 0; page < kPages; ++page) {
    for (uint64_t i = 0; i < kChunksOfPage; ++i) builder.data(pattern_text(seed, i * kChunk + page * kGiB, kChunk));
    builder.page();
  }
  std::string bytes = builder.build();
  return {builder.image(), std::move(bytes)};
}
const Noise& ours() {
  static const Noise one = snapshot_of_noise(1, "11111111-1111-4111-8111-111111111111");
  return one;
}
const Noise& foreign() {
  static const Noise one = snapshot_of_noise(2, "22222222-2222-4222-8222-222222222222");
  return one;
}

struct Places {
  std::vector<FrameEntry> frames;
  std::vector<uint64_t> pages;  // in the file
  uint64_t body_offset = 0;
  uint64_t frame(size_t i) const { return body_offset + frames[i].position; }
};
const Places& places() {
  static const Places all = [] {
    const MemoryFile file(ours().bytes);
    const auto reader =
        SnapshotReader::open(std::make_shared<FileReader>(FileReader::open(file.path()).value())).value();
    Places found;
    found.body_offset = reader->in_file(0);
    for (size_t i = 0; i < reader->page_count(); ++i) {
      found.pages.push_back(reader->in_file(reader->directory().pages[i].offset));
      for (const FrameEntry& entry : reader->page(i).value()->entries) found.frames.push_back(entry);
    }
    return found;
  }();
  return all;
}

// The chunks of the image that are the foreign disk's.
int foreign_chunks(const std::string& image) {
  int count = 0;
  for (uint64_t at = 0; at < kSize; at += kChunk)
    count += std::string_view(image).substr(at, kChunk) == std::string_view(foreign().image).substr(at, kChunk);
  return count;
}
// Of our image everything but what is lost.
bool is_ours(const Saved& saved) {
  std::string expected = ours().image;
  for (const Range& lost : saved.outcome.lost) expected.replace(lost.offset, lost.length, lost.length, '?');
  return saved.image == expected;
}

}  // namespace

TEST_CASE("the end of another snapshot over ours: its index is not followed", "[salvage][foreign]") {
  REQUIRE(ours().bytes.size() == foreign().bytes.size());
  for (const size_t i : {0, 1, 4, 6, 11}) {
    for (const uint64_t cut : {places().frame(i), places().frame(i) + 3 * kKiB}) {
      INFO("from " << cut << " on");
      auto saved = save(ours().bytes.substr(0, cut) + foreign().bytes.substr(cut), kSize);
      REQUIRE(saved.ok());
      CHECK(foreign_chunks(saved->image) == 0);
      CHECK(is_ours(*saved));
      // Every chunk before it, and no other.
      CHECK(saved->outcome.lost == RangeSet{{i * kChunk, kSize - i * kChunk}});
    }
  }
}

TEST_CASE("an intact index under a header that one byte was changed of is ours", "[salvage][foreign]") {
  std::string bad = ours().bytes;
  const size_t at = bad.find("\"built\"");
  REQUIRE(at != std::string::npos);
  bad[at + 1] = 'B';
  auto saved = save(bad, kSize);
  REQUIRE(saved.ok());
  CHECK(saved->outcome.lost.empty());
  CHECK((saved->image == ours().image));
}

TEST_CASE("frames of another snapshot, and the page of theirs, in the midst of ours", "[salvage][foreign]") {
  const uint64_t begin = places().frame(kChunksOfPage), end = places().frame(2 * kChunksOfPage);
  std::string bad = ours().bytes;
  bad.replace(begin, end - begin, foreign().bytes, begin, end - begin);
  auto saved = save(bad, kSize);
  REQUIRE(saved.ok());
  CHECK(saved->outcome.lost == RangeSet{{kChunksOfPage * kChunk, kChunksOfPage * kChunk}});
  CHECK(is_ours(*saved));
  // Only their page: our frames are still here, and make ours again.
  bad = ours().bytes;
  bad.replace(places().pages[1], end - places().pages[1], foreign().bytes, places().pages[1], end - places().pages[1]);
  CHECK((save(bad, kSize)->image == ours().image));
  const MemoryFile to;
  REQUIRE(heal_snapshot(MemoryReader(as_bytes(bad)), nullptr, to.fd(), "healed").ok());
  CHECK((to.content() == ours().bytes));
}

TEST_CASE("a frame whose digests are gone, and with them the proof that it is ours, is named", "[salvage][foreign]") {
  constexpr size_t kEntry = sizeof(mirn::PageEntry) + sizeof(mirn::PageExtent);
  const size_t entry = places().pages[0] + sizeof(mirn::SkippableHeader) + sizeof(mirn::PageHeader) + kEntry;
  std::string bad = ours().bytes;
  bad.replace(entry + offsetof(mirn::PageEntry, xxh3), sizeof(Le64) + sizeof(Digest), sizeof(Le64) + sizeof(Digest),
              '\0');
  const Range second{kChunk, kChunk};
  // All frames are good, so that they make the page again, which proves each.
  auto saved = save(bad, kSize);
  REQUIRE(saved.ok());
  CHECK((saved->image == ours().image));
  CHECK(saved->outcome.unproven.empty());
  // A foreign one among them does not make it.
  std::string mixed = bad;
  mixed.replace(places().frame(1), places().frames[1].compressed_size, foreign().bytes, places().frame(1),
                places().frames[1].compressed_size);
  saved = save(mixed, kSize);
  REQUIRE(saved.ok());
  CHECK(saved->outcome.lost == RangeSet{second});
  CHECK(is_ours(*saved));
  // With another frame damaged nothing is left that could prove it, whose ever it is.
  for (std::string both : {bad, mixed}) {
    both[places().frame(2) + 500] ^= 1;
    both[entry + kEntry + offsetof(mirn::PageEntry, leaf)] ^= 1;
    saved = save(both, kSize);
    REQUIRE(saved.ok());
    CHECK(saved->outcome.lost == RangeSet{{2 * kChunk, kChunk}});
    CHECK(saved->outcome.unproven == RangeSet{second});
    CHECK_FALSE(judge_salvaged("x", saved->outcome).ok());
    CHECK_FALSE(save(both, kSize, nullptr, OnDamage::kHeal).ok());
  }
  // But for a disk that has the same there.
  bad[places().frame(2) + 500] ^= 1;
  bad[entry + kEntry + offsetof(mirn::PageEntry, leaf)] ^= 1;
  saved = save(bad, kSize, MemoryDisk::of_text(ours().image));
  REQUIRE(saved.ok());
  CHECK(is_ours(*saved));
  CHECK(saved->outcome.unproven.empty());
}
