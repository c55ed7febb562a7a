#include <catch2/catch.hpp>

#include <zstd.h>

#include <cstring>

#include "base/endian.h"
#include "codec/seek_table.h"
#include "codec/zero_frame.h"
#include "codec/zstd_codec.h"
#include "codec/zstd_frame.h"
#include "hash/xxh3.h"
#include "support/dribble.h"

using namespace hx;
using namespace hx::test;

namespace {

std::string text_of(size_t length) {
  std::string text;
  for (size_t i = 0; i < length; ++i) text += static_cast<char>((i * i >> 7) + i / 100);
  return text;
}
std::string compressed(const std::string& content, int level = 3) {
  ZstdCompressor compressor(level);
  std::string frame(max_frame_size(content.size()), '\0');
  auto size = compressor.compress(as_bytes(content), std::as_writable_bytes(std::span(frame)));
  REQUIRE(size.ok());
  frame.resize(*size);
  return frame;
}
std::string skippable(uint32_t magic, const std::string& content) {
  const Le32 head[2] = {magic, static_cast<uint32_t>(content.size())};
  return std::string(as_text(std::as_bytes(std::span(head)))) + content;
}
std::string text(const std::vector<std::byte>& bytes) { return std::string(as_text(bytes)); }

struct Decoded {
  std::string content;
  std::vector<std::pair<uint32_t, uint64_t>> skippables;
  std::optional<Error> error;
};
Decoded decode_stream(const std::string& bytes, size_t step = 64 * kKiB, size_t piece = 10000, uint64_t offset = 0) {
  Dribble source(as_bytes(bytes), step);
  Decoded out;
  ZstdStreamReader reader(source, offset, [&](uint32_t magic, uint64_t at) {
    out.skippables.push_back({magic, at});
    return Status();
  });
  std::string buffer(piece, '\0');
  for (;;) {
    auto got = reader.read_some(std::as_writable_bytes(std::span(buffer)));
    if (!got) out.error = std::move(got).error();
    if (!got.ok() || *got == 0) return out;
    out.content.append(buffer, 0, *got);
  }
}

}  // namespace

TEST_CASE("what is compressed is decompressed, at every level we offer", "[zstd_codec]") {
  ZstdDecompressor decompressor;
  for (const size_t length : {size_t{0}, size_t{1}, size_t{1000}, size_t{65536}, size_t{300001}}) {
    const std::string content = text_of(length);
    for (const int level : {kMinLevel, 3, kMaxLevel}) {
      const std::string frame = compressed(content, level);
      std::string back(length, '?');
      REQUIRE(decompressor.decompress(as_bytes(frame), std::as_writable_bytes(std::span(back))).ok());
      CHECK((back == content));
      CHECK(ZSTD_getFrameContentSize(frame.data(), frame.size()) == length);
      // The packer relies on this checksum being the last four bytes.
      CHECK(load_struct<Le32>(as_bytes(frame).last(4)) == static_cast<uint32_t>(xxh64(as_bytes(content))));
    }
  }
}

TEST_CASE("incompressible data fits the bound", "[zstd_codec]") {
  std::string noise;
  for (uint64_t x = 1; noise.size() < 4 * kMiB; x = x * 6364136223846793005 + 1442695040888963407)
    noise += std::string(as_text(std::as_bytes(std::span(&x, 1)))).substr(4);
  CHECK(compressed(noise, 1).size() <= max_frame_size(noise.size()));
}

TEST_CASE("a frame that is not exactly the content is damaged", "[zstd_codec]") {
  ZstdDecompressor decompressor;
  const std::string content = text_of(5000), frame = compressed(content);
  const auto kind_of = [&](const std::string& bytes, size_t length) {
    std::string back(length, '?');
    Status status = decompressor.decompress(as_bytes(bytes), std::as_writable_bytes(std::span(back)));
    REQUIRE_FALSE(status.ok());
    return status.error().kind;
  };
  CHECK(kind_of(frame, content.size() - 1) == ErrorKind::kDamaged);
  CHECK(kind_of(frame, content.size() + 1) == ErrorKind::kDamaged);
  for (size_t length = 0; length < frame.size(); ++length)
    if (kind_of(frame.substr(0, length), content.size()) != ErrorKind::kDamaged) FAIL("cut at " << length);
  CHECK(kind_of("hello", 5) == ErrorKind::kDamaged);
  std::string back(content.size(), '?');  // and it still works after all this
  CHECK(decompressor.decompress(as_bytes(frame), std::as_writable_bytes(std::span(back))).ok());
}

TEST_CASE("a sequence of frames is one sequence of bytes, however it arrives", "[zstd_stream]") {
  const std::string a = text_of(200000), b = text_of(3000), page = skippable(0x184D2A5C, "an index page"),
                    other = skippable(0x184D2A50, "");
  const std::string frames[] = {
      other, compressed(a), page, page, compressed(""), compressed(b), text(make_zero_frame(5000)), other};
  std::string all;
  std::vector<std::pair<uint32_t, uint64_t>> expected;
  for (const std::string& frame : frames) {
    const uint32_t magic = load_struct<Le32>(as_bytes(frame));
    if (is_skippable(magic)) expected.push_back({magic, 1000 + all.size()});
    all += frame;
  }
  for (const size_t step : {1, 3, 100, 1 << 20}) {
    for (const size_t piece : {1000, 1 << 20}) {
      INFO("reads of " << step << " into " << piece);
      const Decoded decoded = decode_stream(all, step, piece, 1000);
      if (decoded.error) FAIL(decoded.error->message);
      CHECK((decoded.content == a + b + std::string(5000, '\0')));
      CHECK(decoded.skippables == expected);
    }
  }
  CHECK(decode_stream(page, 1, 1).content.empty());
  CHECK_FALSE(decode_stream("", 1, 1).error);
}

TEST_CASE("a sequence that is cut at any byte but between frames is damaged", "[zstd_stream]") {
  const std::string first = compressed(text_of(3000)), second = skippable(0x184D2A5C, "page"),
                    third = compressed("more");
  const std::string all = first + second + third;
  for (size_t length = 0; length <= all.size(); ++length) {
    INFO(length);
    const Decoded decoded = decode_stream(all.substr(0, length), 5, 1000);
    const bool whole =
        length == 0 || length == first.size() || length == first.size() + second.size() || length == all.size();
    REQUIRE(decoded.error.has_value() == !whole);
    if (whole) continue;
    CHECK(decoded.error->kind == ErrorKind::kDamaged);
    CHECK(decoded.error->message.starts_with("pipe: at " + std::to_string(length) + ": "));
  }
}

TEST_CASE("what is no frame is damaged, and an error of the callback or the source ends the reading", "[zstd_stream]") {
  CHECK(decode_stream("not zstd").error->kind == ErrorKind::kDamaged);
  CHECK(decode_stream(compressed("a") + "x").error->kind == ErrorKind::kDamaged);
  const std::string bytes = compressed("hello") + skippable(0x184D2A5C, "page");
  Dribble source(as_bytes(bytes), 100);
  ZstdStreamReader refusing(source, 0, [](uint32_t, uint64_t) { return Status(unsupported("no pages here")); });
  std::string buffer(100, '\0');
  REQUIRE(refusing.read_some(std::as_writable_bytes(std::span(buffer))).value() == 5);
  CHECK(refusing.read_some(std::as_writable_bytes(std::span(buffer))).error().message == "no pages here");
  Dribble failing(as_bytes(bytes), 100);
  failing.fail_at(7, Error{ErrorKind::kSystem, "pipe: read at 7: no", "", ""});
  ZstdStreamReader reader(failing, 0, [](uint32_t, uint64_t) { return Status(); });
  auto got = reader.read_full(std::as_writable_bytes(std::span(buffer)));
  REQUIRE_FALSE(got.ok());
  CHECK(got.error().kind == ErrorKind::kSystem);
}

TEST_CASE("a window of more than 128 MiB is not supported: it would be all memory that a tool may take",
          "[zstd_stream]") {
  const auto with_window = [](int log) {  // an empty last block behind a window descriptor
    return std::string("\x28\xB5\x2F\xFD", 4) + '\0' + static_cast<char>((log - 10) << 3) + std::string("\1\0\0", 3);
  };
  CHECK_FALSE(decode_stream(with_window(27)).error);
  const Decoded decoded = decode_stream(with_window(28));
  REQUIRE(decoded.error);
  CHECK(decoded.error->kind == ErrorKind::kUnsupported);
}

TEST_CASE("zero frames: any decoder gives zeros, in so many bytes as the format says", "[zero_frame]") {
  for (const uint64_t length : {uint64_t{1}, 128 * kKiB - 1, 128 * kKiB, 128 * kKiB + 1, 3 * 128 * kKiB + 4095, kMiB}) {
    INFO(length);
    const std::string frame = text(make_zero_frame(length));
    CHECK(frame.size() == zero_frame_size(length));
    std::string back(length, '?');
    CHECK(ZSTD_decompress(back.data(), back.size(), frame.data(), frame.size()) == length);
    CHECK((back == std::string(length, '\0')));
    CHECK(decode_stream(frame).content.size() == length);
    CHECK(ZSTD_findFrameCompressedSize(frame.data(), frame.size()) == frame.size());
    CHECK(is_zero_frame(as_bytes(frame), length));
    CHECK_FALSE(is_zero_frame(as_bytes(frame), length + 1));
    for (size_t at = 0; at < frame.size(); ++at) {
      std::string other = frame;
      other[at] ^= 1;
      if (is_zero_frame(as_bytes(other), length)) FAIL("byte " << at << " differs");
    }
  }
  CHECK(zero_frame_size(kMaxZeroFrame) == 32782);
}

TEST_CASE("a whole gibibyte of zeros decodes", "[zero_frame]") {
  const std::string frame = text(make_zero_frame(kMaxZeroFrame));
  REQUIRE(frame.size() == 32782);
  Dribble source(as_bytes(frame), frame.size());
  ZstdStreamReader reader(source, 0, [](uint32_t, uint64_t) { return Status(); });
  std::vector<std::byte> buffer(kMiB);
  const std::vector<std::byte> zeros(kMiB);
  uint64_t length = 0;
  for (;;) {
    auto got = reader.read_full(buffer);
    if (!got) FAIL(got.error().message);
    if (std::memcmp(buffer.data(), zeros.data(), *got) != 0) FAIL("not zero");
    length += *got;
    if (*got < buffer.size()) break;
  }
  CHECK(length == kMaxZeroFrame);
}

TEST_CASE("the seek table is laid out as zstd's seekable format says", "[seek_table]") {
  SeekTableEntry entry;
  entry.compressed_size = 0x01020304;
  entry.decompressed_size = 5;
  SeekTableFooter footer;
  footer.frame_count = 2;
  const std::string bytes = std::string(as_text(struct_bytes(entry))) + std::string(as_text(struct_bytes(footer)));
  CHECK(bytes == std::string("\4\3\2\1\5\0\0\0\2\0\0\0\0\xB1\xEA\x92\x8F", 17));
  CHECK(seek_table_size(2) == 8 + 2 * 8 + 9);
  CHECK(seek_table_size(kMaxSeekTableFrames) - 8 < uint64_t{1} << 32);  // fits a skippable frame
}
