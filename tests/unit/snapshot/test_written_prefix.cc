// written_prefix.h: what an earlier run has sealed of a snapshot, found from its last index page backwards.
#include "snapshot/written_prefix.h"

#include <catch2/catch.hpp>

#include "support/memory_disk.h"
#include "support/snapshot_builder.h"
#include "support/snapshot_reading.h"

using namespace hx;
using namespace hx::test;

namespace {

constexpr uint64_t kChunk = mirn::kMinChunkSize;
constexpr int kGroups = 4;

// Groups of three frames: data, a run of zeros, data.
struct Sample {
  std::string bytes, image;
  std::vector<uint64_t> ends, froms;  // of each page in the file; of the image up to there
  Sample() {
    SnapshotBuilder builder;
    for (uint64_t i = 0; i < kGroups; ++i) {
      for (const uint64_t seed : {i, i + 100}) {
        image += pattern_text(seed, 0, kChunk);
        builder.data(image.substr(image.size() - kChunk));
        if (seed >= 100) continue;
        builder.zero(2 * kChunk);
        image += std::string(2 * kChunk, '\0');
      }
      builder.page();
      froms.push_back(image.size());
    }
    bytes = builder.build();
    const auto file = std::make_shared<MemoryReader>(as_bytes(bytes), "whole");
    const SnapshotHeader header = read_header(static_cast<const RandomReader&>(*file)).value();
    const auto reader = SnapshotReader::open(file, header).value();
    for (const mirn::PageRef& page : reader->directory().pages)
      ends.push_back(header.body_offset() + page.offset + page.size);
  }
};
const Sample& sample() {
  static const Sample one;
  return one;
}

Result<WrittenPrefix> read(const std::string& bytes, uint64_t end) {
  return WrittenPrefix::read(std::make_shared<MemoryReader>(as_bytes(bytes), "vm.mirn.part"), end);
}
Result<std::string> content(const WrittenPrefix& prefix, uint64_t begin) {
  std::string text;
  const auto take = [&](const FrameEntry& entry, ByteSpan data) -> Status {
    REQUIRE(entry.extent.offset == begin + text.size());
    text += entry.kind == Kind::kData ? std::string(as_text(data)) : std::string(entry.extent.length, '\0');
    return {};
  };
  HX_TRY(prefix.read_content(begin, take));
  return text;
}

}  // namespace

TEST_CASE("all groups before a page are found from it backwards, and their content is the image's",
          "[written_prefix]") {
  const Sample& whole = sample();
  REQUIRE(whole.ends.size() == kGroups);
  for (size_t i = 0; i < kGroups; ++i) {
    // What follows was on its way when the run ended.
    for (const size_t more : {size_t{0}, size_t{100}}) {
      const std::string part = whole.bytes.substr(0, whole.ends[i] + more);
      const WrittenPrefix prefix = read(part, whole.ends[i]).value();
      CHECK(prefix.pages().size() == i + 1);
      CHECK(prefix.end() == whole.ends[i]);
      CHECK(prefix.from() == whole.froms[i]);
      for (const uint64_t begin : {uint64_t{0}, kChunk, 3 * kChunk, whole.froms[i]}) {
        INFO("group " << i << ", from " << begin);
        const std::string text = content(prefix, begin).value();
        CHECK(text.size() == whole.froms[i] - begin);
        CHECK((text == whole.image.substr(begin, whole.froms[i] - begin)));
      }
    }
  }
}

TEST_CASE("of a snapshot that has only its header nothing is sealed", "[written_prefix]") {
  const auto file = std::make_shared<MemoryReader>(as_bytes(sample().bytes), "whole");
  const uint64_t body = read_header(static_cast<const RandomReader&>(*file)).value().body_offset();
  const std::string part = sample().bytes.substr(0, body);
  const WrittenPrefix prefix = read(part, body).value();
  CHECK(prefix.from() == 0);
  CHECK(prefix.pages().empty());
  CHECK(content(prefix, 0).value().empty());
}

TEST_CASE("an end that is none of a page's, or beyond the file, is refused", "[written_prefix]") {
  const Sample& whole = sample();
  for (const uint64_t end : {uint64_t{0}, uint64_t{10}, whole.ends[1] - 1, whole.ends[1] + 1, whole.ends[1] - 56,
                             whole.ends.back() + 4, whole.bytes.size() + 1}) {
    INFO(end);
    CHECK_FALSE(read(whole.bytes, end).ok());
  }
  const std::string part = whole.bytes.substr(0, whole.ends[1] - 1);
  CHECK_FALSE(read(part, whole.ends[1]).ok());
}

TEST_CASE("a page that is missing, repeated or of another group is refused", "[written_prefix]") {
  const Sample& whole = sample();
  // The second group is cut out; the third is taken twice.
  const std::string without =
      whole.bytes.substr(0, whole.ends[0]) + whole.bytes.substr(whole.ends[1], whole.ends[2] - whole.ends[1]);
  CHECK_FALSE(read(without, without.size()).ok());
  const std::string twice =
      whole.bytes.substr(0, whole.ends[2]) + whole.bytes.substr(whole.ends[1], whole.ends[2] - whole.ends[1]);
  CHECK_FALSE(read(twice, twice.size()).ok());
}

TEST_CASE("whatever byte is flipped: refused, or found when the content is read, or the same", "[written_prefix]") {
  const Sample& whole = sample();
  std::string part = whole.bytes.substr(0, whole.ends[1]);
  const auto file = std::make_shared<MemoryReader>(as_bytes(whole.bytes), "whole");
  const uint64_t body = read_header(static_cast<const RandomReader&>(*file)).value().body_offset();
  size_t found = 0, tried = 0;
  for (size_t at = 0; at < part.size(); at += at < body ? 1 : 97) {
    part[at] = static_cast<char>(part[at] ^ 0x10);
    auto prefix = read(part, part.size());
    auto text = prefix.ok() ? content(*prefix, 0) : Result<std::string>(damaged("refused"));
    if (text.ok() && (at >= body || prefix->from() == whole.froms[1]))
      REQUIRE((*text == whole.image.substr(0, whole.froms[1])));
    if (at >= body) ++tried, found += !text.ok();
    part[at] = static_cast<char>(part[at] ^ 0x10);
  }
  CHECK(found > tried * 99 / 100);  // all but frames of zeros, whose content nobody reads
}

TEST_CASE("content is not taken from a place inside a frame", "[written_prefix]") {
  const WrittenPrefix prefix = read(sample().bytes, sample().ends[0]).value();
  CHECK_FALSE(content(prefix, kChunk - 1).ok());
}
