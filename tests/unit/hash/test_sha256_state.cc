#include "hash/sha256_state.h"

#include <catch2/catch.hpp>

#include "hash/sha256.h"

using namespace hx;

namespace {
std::string bytes_of(size_t size) {
  std::string text;
  for (size_t i = 0; i < size; ++i) text += static_cast<char>(i * 131 >> 3);
  return text;
}
}  // namespace

TEST_CASE("a digest goes on from any state, and is that of OpenSSL's own interface") {
  const std::string text = bytes_of(1000);
  const Digest whole = Sha256::of(as_bytes(text));
  for (size_t cut = 0; cut <= text.size(); ++cut) {
    ResumableSha256 first;
    first.update(as_bytes(text).first(cut));
    REQUIRE(first.digest() == Sha256::of(as_bytes(text).first(cut)));
    const Sha256State state = first.state();
    REQUIRE(state.length == cut / 64 * 64);
    REQUIRE(first.length() == cut);
    const auto again = parse_sha256_state(state.hex(), state.length);
    REQUIRE(again == state);
    ResumableSha256 second(*again);
    second.update(as_bytes(text).subspan(state.length));
    REQUIRE(second.digest() == whole);
  }
}

TEST_CASE("a state beyond 512 MiB keeps its length") {  // where the count of bits needs a second word
  ResumableSha256 first;
  first.update_zeros(520 * kMiB);
  ResumableSha256 second(first.state());
  CHECK(second.length() == 520 * kMiB);
  first.update(as_bytes("x"));
  second.update(as_bytes("x"));
  CHECK(first.digest() == second.digest());
  ResumableSha256 far(Sha256State{{}, (uint64_t{1} << 61) - 64});
  CHECK(far.length() == (uint64_t{1} << 61) - 64);
}

TEST_CASE("what is no state is refused") {
  const std::string words = ResumableSha256().state().hex();
  CHECK(parse_sha256_state(words, 0));
  CHECK(parse_sha256_state(words, (uint64_t{1} << 61) - 64));
  CHECK_FALSE(parse_sha256_state(words, 63));
  CHECK_FALSE(parse_sha256_state(words, uint64_t{1} << 61));
  CHECK_FALSE(parse_sha256_state(words.substr(1), 0));
  CHECK_FALSE(parse_sha256_state("X" + words.substr(1), 0));
}
