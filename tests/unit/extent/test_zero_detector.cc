#include <catch2/catch.hpp>

#include <random>

#include "base/is_zero.h"
#include "extent/zero_detector.h"
#include "support/memory_disk.h"

using namespace hx;
using test::pattern_text;

namespace {

using Entries = std::vector<MapEntry>;

Entries zeros_of(uint64_t offset, const std::string& text) { return find_zeros(offset, as_bytes(text)); }
std::string zeros(size_t length) { return std::string(length, '\0'); }
std::string data(size_t length) { return std::string(length, 'x'); }

}  // namespace

TEST_CASE("runs of 64 KiB of zeros are found, shorter ones stay data") {
  constexpr uint64_t k64 = 64 * kKiB;
  CHECK(zeros_of(0, data(4096) + zeros(k64) + data(4096)) ==
        Entries{{0, 4096, Kind::kData}, {4096, k64, Kind::kZero}, {4096 + k64, 4096, Kind::kData}});
  CHECK(zeros_of(0, data(4096) + zeros(k64 - 4096) + data(4096)) == Entries{{0, k64 + 4096, Kind::kData}});
  CHECK(zeros_of(0, zeros(k64) + data(1)) == Entries{{0, k64, Kind::kZero}, {k64, 1, Kind::kData}});
  CHECK(zeros_of(0, data(1) + zeros(k64 + 4095)) == Entries{{0, 4096, Kind::kData}, {4096, k64, Kind::kZero}});
  CHECK(zeros_of(0, data(1) + zeros(4096)) == Entries{{0, 4097, Kind::kData}});
}

TEST_CASE("what is all zero is zero, however short") {
  CHECK(zeros_of(123, zeros(1)) == Entries{{123, 1, Kind::kZero}});
  CHECK(zeros_of(4096, zeros(10000)) == Entries{{4096, 10000, Kind::kZero}});
  CHECK(zeros_of(0, "").empty());
}

TEST_CASE("the grid is the disk's, not the buffer's") {
  // 1000 bytes before a grid line: the zeros begin at the line.
  const std::string text = data(500) + zeros(500 + 64 * kKiB) + data(1);
  CHECK(zeros_of(kMiB - 1000, text) ==
        Entries{{kMiB - 1000, 1000, Kind::kData}, {kMiB, 64 * kKiB, Kind::kZero}, {kMiB + 64 * kKiB, 1, Kind::kData}});
}

TEST_CASE("entries tile the bytes and say the truth") {
  std::mt19937 random(3);
  for (int round = 0; round < 50; ++round) {
    const uint64_t offset = random() % 10000;
    std::string text;
    while (text.size() < 600000) {
      const size_t length = random() % 150000;
      text += random() % 2 ? zeros(length) : pattern_text(random(), 0, length);
    }
    uint64_t at = offset;
    for (const MapEntry& entry : zeros_of(offset, text)) {
      REQUIRE(entry.offset == at);
      REQUIRE(entry.length > 0);
      const ByteSpan part = as_bytes(text).subspan(entry.offset - offset, entry.length);
      if (entry.kind == Kind::kZero)
        REQUIRE((is_zero(part) && (entry.length >= kMinZeroRun || entry.length == text.size())));
      at = entry.end();
    }
    REQUIRE(at == offset + text.size());
  }
}

TEST_CASE("split data are slices of the buffer") {
  const std::string text = data(4096) + zeros(64 * kKiB) + data(10);
  Buffer buffer = Buffer::copy_of(as_bytes(text));
  const std::byte* const begin = buffer.bytes().data();
  std::vector<Extent> out;
  split_zeros({0, text.size(), Kind::kData, std::move(buffer), {7, 500}}, out);
  REQUIRE(out.size() == 3);
  CHECK((out[0].place.fd == 7 && out[0].place.offset == 500));
  CHECK(out[1].place.fd == -1);
  CHECK((out[2].place.fd == 7 && out[2].place.offset == 500 + 4096 + 64 * kKiB));
  CHECK(out[0].data.bytes().data() == begin);
  CHECK(out[1].kind == Kind::kZero);
  CHECK(out[1].data.empty());
  CHECK(out[2].data.bytes().data() == begin + 4096 + 64 * kKiB);
  CHECK(out[2].data.size() == 10);
  split_zeros({100, 5, Kind::kAbsent, {}}, out);
  CHECK(out[3].kind == Kind::kAbsent);
}
