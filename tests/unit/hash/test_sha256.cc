#include <catch2/catch.hpp>

#include "base/bytes.h"
#include "hash/sha256.h"

using namespace hx;

TEST_CASE("SHA-256 gives the values of FIPS 180-2", "[sha256]") {
  CHECK(Sha256::of(as_bytes("")).hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(Sha256::of(as_bytes("abc")).hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(Sha256::of(as_bytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")).hex() ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  Sha256 million;
  const std::string thousand(1000, 'a');
  for (int i = 0; i < 1000; ++i) million.update(as_bytes(thousand));
  CHECK(million.finish().hex() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("a SHA-256 starts anew after finish(), and survives being moved", "[sha256]") {
  Sha256 hasher;
  hasher.update(as_bytes("something else"));
  hasher.finish();
  hasher.update(as_bytes("a"));
  Sha256 moved = std::move(hasher);
  moved.update(as_bytes(""));
  moved.update(as_bytes("bc"));
  CHECK(moved.finish() == Sha256::of(as_bytes("abc")));
}

TEST_CASE("zeros are hashed without being there", "[sha256]") {
  for (const uint64_t length : {uint64_t{0}, uint64_t{1}, 64 * kKiB - 1, 64 * kKiB, 64 * kKiB + 1, 3 * kMiB + 7}) {
    Sha256 hasher;
    hasher.update(as_bytes("before"));
    hasher.update_zeros(length);
    hasher.update(as_bytes("after"));
    CHECK(hasher.finish() == Sha256::of(as_bytes("before" + std::string(length, '\0') + "after")));
  }
}

TEST_CASE("a digest is 64 lowercase hex digits, and nothing else", "[digest]") {
  const std::string hex = "0123456789abcdef00112233445566778899aabbccddeeff0f1e2d3c4b5a6978";
  const auto digest = parse_digest(hex);
  REQUIRE(digest);
  CHECK(digest->hex() == hex);
  CHECK(digest->bytes[1] == std::byte{0x23});
  CHECK_FALSE(parse_digest(""));
  CHECK_FALSE(parse_digest(hex.substr(1)));
  CHECK_FALSE(parse_digest(hex + "0"));
  for (const char wrong : {'A', 'F', 'g', 'G', ' ', '/', ':', '`', '@', '\0', '-'}) {
    for (const size_t at : {size_t{0}, size_t{1}, size_t{63}}) {
      std::string text = hex;
      text[at] = wrong;
      CHECK_FALSE(parse_digest(text));
    }
  }
}
