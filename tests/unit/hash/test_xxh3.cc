// XXH3 as the library chooses it for this processor, against values of xxhsum(1) and the portable code of its header.
#include <catch2/catch.hpp>

#define XXH_INLINE_ALL
#define XXH_VECTOR 0  // XXH_SCALAR
#include <xxhash.h>

#include "hash/xxh3.h"

using namespace hx;

TEST_CASE("XXH3 and XXH64 give the values of xxhsum", "[xxh3]") {
  CHECK(xxh3_64({}) == 0x2d06800538d394c2);
  CHECK(xxh3_64(as_bytes("abc")) == 0x78af5f94892f3950);
  CHECK(xxh64({}) == 0xef46db3751d8e999);
  CHECK(xxh64(as_bytes("abc")) == 0x44bc2cf5ad770999);
}

TEST_CASE("XXH3 is the same for every length, and in pieces", "[xxh3]") {
  std::string text;
  for (size_t i = 0; i < 70000; ++i) text += static_cast<char>(i * i >> 3);
  std::vector<size_t> lengths = {1023, 1024, 1025, 4096, 65536, 70000};
  for (size_t i = 0; i <= 600; ++i) lengths.push_back(i);
  for (const size_t length : lengths) {
    const std::string_view part = std::string_view(text).substr(0, length);
    const uint64_t expected = XXH3_64bits(part.data(), part.size());
    Xxh3 running;
    running.update(as_bytes(part.substr(0, length / 3)));
    running.update(as_bytes(part.substr(length / 3)));
    const uint32_t low = xxh3_low32(as_bytes(part.substr(0, length / 3)), as_bytes(part.substr(length / 3)));
    if (xxh3_64(as_bytes(part)) != expected || running.digest() != expected || low != static_cast<uint32_t>(expected))
      FAIL("length " << length);
  }
  SUCCEED();
}
