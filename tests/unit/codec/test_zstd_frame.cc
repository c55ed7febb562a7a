// Where frames end, without decoding them: RFC 8878, section 3.1.
#include <catch2/catch.hpp>

#include <zstd.h>

#include "base/endian.h"
#include "codec/zstd_frame.h"
#include "support/dribble.h"

using namespace hx;
using namespace hx::test;

namespace {

const std::string kMagicText = "\x28\xB5\x2F\xFD";
std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}
// A block header: 3 bytes.
std::string block(uint32_t size, int type, bool last) {
  const uint32_t bits = size << 3 | static_cast<uint32_t>(type) << 1 | last;
  return bytes({static_cast<int>(bits & 255), static_cast<int>(bits >> 8 & 255), static_cast<int>(bits >> 16)});
}
std::string skippable(uint32_t magic, const std::string& content) {
  const Le32 head[2] = {magic, static_cast<uint32_t>(content.size())};
  return std::string(as_text(std::as_bytes(std::span(head)))) + content;
}
std::string compressed(const std::string& content, bool checksum, bool content_size) {
  std::string out(ZSTD_compressBound(content.size()), '\0');
  ZSTD_CCtx* context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, content_size);
  out.resize(ZSTD_compress2(context, out.data(), out.size(), content.data(), content.size()));
  ZSTD_freeCCtx(context);
  return out;
}

struct Read {
  std::vector<std::pair<ZstdFrame, std::string>> frames;
  std::optional<Error> error;
  uint64_t offset = 0;
};
Read read_all(const std::string& text, uint64_t max_size = kMiB) {
  Dribble source(as_bytes(text), 7);
  BufferedReader in(source);
  Read read;
  std::vector<std::byte> frame;
  for (;;) {
    auto got = read_frame(in, frame, [&](uint32_t) { return max_size; });
    read.offset = in.offset();
    if (!got) read.error = std::move(got).error();
    if (!got.ok() || !*got) return read;
    read.frames.push_back({**got, std::string(as_text(frame))});
  }
}

}  // namespace

TEST_CASE("frames of all kinds of headers end where they end", "[zstd_frame]") {
  const std::string raw_block = block(3, 0, true) + "abc";
  struct {
    std::string frame;
    std::optional<uint64_t> content_size;
  } const cases[] = {
      {kMagicText + bytes({0x00, 0x58}) + raw_block, std::nullopt},           // window, no content size
      {kMagicText + bytes({0x04, 0x58}) + raw_block + "sumX", std::nullopt},  // and a checksum
      {kMagicText + bytes({0x20, 3}) + raw_block, 3},                         // single segment: one byte of size
      {kMagicText + bytes({0x40, 0x58, 1, 0}) + raw_block, 257},              // two bytes: 256 more
      {kMagicText + bytes({0x60, 1, 1}) + raw_block, 513},
      {kMagicText + bytes({0x80, 0x58, 1, 0, 0, 1}) + raw_block, 0x01000001},  // four
      {kMagicText + bytes({0xC0, 0x58, 1, 0, 0, 0, 0, 0, 0, 1}) + raw_block, 0x0100000000000001},
      {kMagicText + bytes({0x01, 0x58, 9}) + raw_block, std::nullopt},  // dictionary: 1, 2, 4 bytes
      {kMagicText + bytes({0x02, 0x58, 9, 9}) + raw_block, std::nullopt},
      {kMagicText + bytes({0xC3, 0x58, 9, 9, 9, 9, 5, 0, 0, 0, 0, 0, 0, 0}) + raw_block, 5},
      {kMagicText + bytes({0x20, 0}) + block(0, 0, true), 0},  // empty
      {kMagicText + bytes({0x20, 6}) + block(3, 0, false) + "abc" + block(3, 1, true) + "z", 6},
  };
  std::string all;
  for (const auto& c : cases) all += c.frame;
  const Read read = read_all(all);
  if (read.error) FAIL(read.error->message);
  REQUIRE(read.frames.size() == std::size(cases));
  for (size_t i = 0; i < std::size(cases); ++i) {
    INFO(i);
    CHECK(read.frames[i].second == cases[i].frame);
    CHECK(read.frames[i].first.content_size == cases[i].content_size);
    CHECK(read.frames[i].first.magic == kZstdMagic);
    CHECK_FALSE((read.frames[i].first.only_zero_runs && i != 10));
  }
}

TEST_CASE("runs of zeros are told from all else", "[zstd_frame]") {
  const std::string head = kMagicText + bytes({0x00, 0x58});
  const auto is_zero_run = [&](const std::string& blocks) {
    return read_all(head + blocks).frames.at(0).first.only_zero_runs;
  };
  CHECK(is_zero_run(block(100, 1, true) + bytes({0})));
  CHECK(is_zero_run(block(kMaxBlockSize, 1, false) + bytes({0}) + block(1, 1, true) + bytes({0})));
  CHECK_FALSE(is_zero_run(block(100, 1, true) + bytes({1})));
  CHECK_FALSE(is_zero_run(block(1, 0, true) + bytes({0})));
  CHECK_FALSE(is_zero_run(block(100, 1, false) + bytes({0}) + block(1, 1, true) + bytes({1})));
}

TEST_CASE("frames of the library, and skippable ones between them", "[zstd_frame]") {
  std::string text;
  for (int i = 0; i < 30000; ++i) text += static_cast<char>(i * i >> 5);
  const std::vector<std::string> frames = {
      skippable(0x184D2A50, ""),  compressed(text, true, true),   skippable(0x184D2A5F, std::string(1000, 'x')),
      compressed("", true, true), compressed(text, false, false), compressed(std::string(500000, 'a'), true, true),
  };
  std::string all;
  for (const std::string& frame : frames) all += frame;
  const Read read = read_all(all);
  REQUIRE_FALSE(read.error);
  REQUIRE(read.frames.size() == frames.size());
  for (size_t i = 0; i < frames.size(); ++i) CHECK((read.frames[i].second == frames[i]));
  CHECK(read.frames[2].first.magic == 0x184D2A5F);
  CHECK(read.frames[2].first.content_size == 0);
  CHECK(read.frames[1].first.content_size == 30000);
  CHECK(read.offset == all.size());
}

TEST_CASE("a cut is seen at every byte, and the message says where", "[zstd_frame]") {
  const std::string first = skippable(0x184D2A5A, "0123456789");
  const std::string all = first + compressed("hello, hello, hello, hello, hello, hello", true, true);
  for (size_t length = 1; length < all.size(); ++length) {
    const Read read = read_all(all.substr(0, length));
    if (length == first.size()) {
      CHECK_FALSE(read.error);
      continue;
    }
    REQUIRE(read.error);
    CHECK(read.error->kind == ErrorKind::kDamaged);
    CHECK(read.error->message == "pipe: at " + std::to_string(length) + ": cut short inside a frame");
  }
}

TEST_CASE("what is no frame, or too long, is refused before memory is taken for it", "[zstd_frame]") {
  const auto message_of = [](const std::string& text, uint64_t max_size) {
    const Read read = read_all(text, max_size);
    REQUIRE(read.error);
    CHECK(read.error->kind == ErrorKind::kDamaged);
    return read.error->message;
  };
  const std::string first = skippable(0x184D2A50, "");
  CHECK(message_of(first + "hello", 100) == "pipe: at 8: not a zstd frame");
  CHECK(message_of(first + std::string(8, '\0'), 100) == "pipe: at 8: not a zstd frame");
  CHECK(message_of(kMagicText + bytes({0x08, 0x58}), 100) == "pipe: at 0: a frame header has a reserved bit set");
  CHECK(message_of(kMagicText + bytes({0x00, 0x58}) + block(1, 3, true), 100) ==
        "pipe: at 6: a block header is malformed");
  CHECK(message_of(kMagicText + bytes({0x00, 0x58}) + block(kMaxBlockSize + 1, 0, true), kMiB) ==
        "pipe: at 6: a block header is malformed");
  CHECK(message_of(skippable(0x184D2A50, std::string(93, 'x')), 100) ==
        "pipe: at 0: a frame is longer than it may be here");
  CHECK_FALSE(read_all(skippable(0x184D2A50, std::string(92, 'x')), 100).error);
  const Le32 huge[2] = {0x184D2A50u, 0xFFFFFFFFu};
  CHECK(message_of(std::string(as_text(std::as_bytes(std::span(huge)))), kMiB) ==
        "pipe: at 0: a frame is longer than it may be here");
  CHECK(message_of(kMagicText + bytes({0x00, 0x58}) + block(50, 0, true) + std::string(50, 'x'), 3) ==
        "pipe: at 0: a frame is longer than it may be here");
}
