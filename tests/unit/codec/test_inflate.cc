#include "codec/inflate.h"

#include <catch2/catch.hpp>
#include <string>

#include "codec/zstd_codec.h"

using namespace hx;

namespace {

// "hello hello hello hello\n", as python's zlib.compressobj(9, DEFLATED, -12) writes it.
const std::string kDeflated("\xcb\x48\xcd\xc9\xc9\x57\xc8\x40\x27\xb9\x00", 11);
const std::string kContent = "hello hello hello hello\n";

Status inflate_to(const std::string& deflated, std::string& content) {
  return inflate_raw(as_bytes(deflated), std::as_writable_bytes(std::span(content)));
}

}  // namespace

TEST_CASE("raw deflate: whole, with anything behind it, in part, damage and a cut are told") {
  std::string content(kContent.size(), '?');
  REQUIRE(inflate_to(kDeflated, content).ok());
  CHECK(content == kContent);
  CHECK(inflate_to(kDeflated + "behind", content).ok());
  std::string part(5, '?');
  CHECK(inflate_to(kDeflated, part).ok());
  CHECK(part == "hello");
  std::string more(kContent.size() + 1, '?');
  CHECK_FALSE(inflate_to(kDeflated, more).ok());
  for (size_t length = 0; length < kDeflated.size() - 1; ++length)
    CHECK_FALSE(inflate_to(kDeflated.substr(0, length), content).ok());
  CHECK_FALSE(inflate_to("\xff\xff\xff\xff", content).ok());
  CHECK_FALSE(inflate_to("", content).ok());
}

TEST_CASE("the first zstd frames: one or two, with anything behind them, not one that is too long or too short") {
  ZstdCompressor compressor(3);
  const auto frame = [&](const std::string& text) {
    std::string out(max_frame_size(text.size()), '\0');
    auto size = compressor.compress(as_bytes(text), std::as_writable_bytes(std::span(out)));
    out.resize(*size);
    return out;
  };
  ZstdDecompressor decompressor;
  const auto first = [&](const std::string& frames, size_t length) {
    std::string content(length, '?');
    return decompressor.decompress_first(as_bytes(frames), std::as_writable_bytes(std::span(content))).ok() ? content
                                                                                                            : "none";
  };
  const std::string one = frame("first "), two = frame("second");
  CHECK(first(one + "garbage", 6) == "first ");
  CHECK(first(one + two, 12) == "first second");
  CHECK(first(one, 7) == "none");
  CHECK(first(one, 5) == "none");
  CHECK(first("", 6) == "none");
  for (size_t length = 0; length < one.size(); ++length) CHECK(first(one.substr(0, length), 6) == "none");
  CHECK(first(one, 6) == "first ");  // after damage
}
