#include "codec/zstd_codec.h"

#include <cstring>
#include <vector>

#include "base/endian.h"
#include "codec/zstd_frame.h"

#include <zstd.h>
#include <zstd_errors.h>

namespace hx {
namespace {

// zstd's own words begin with a capital letter, ours do not.
std::string zstd_words(size_t code) {
  std::string words = ZSTD_getErrorName(code);
  if (!words.empty() && words[0] >= 'A' && words[0] <= 'Z') words[0] = static_cast<char>(words[0] + ('a' - 'A'));
  return words;
}

}  // namespace

struct ZstdCompressor::Context {
  ZSTD_CCtx* zstd = ZSTD_createCCtx();
  ~Context() { ZSTD_freeCCtx(zstd); }
};

ZstdCompressor::ZstdCompressor(int level) : context_(std::make_unique<Context>()) {
  ZSTD_CCtx_setParameter(context_->zstd, ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context_->zstd, ZSTD_c_checksumFlag, 1);
}
ZstdCompressor::~ZstdCompressor() = default;
ZstdCompressor::ZstdCompressor(ZstdCompressor&&) noexcept = default;

Result<size_t> ZstdCompressor::compress(ByteSpan content, MutableByteSpan out) {
  const size_t size = ZSTD_compress2(context_->zstd, out.data(), out.size(), content.data(), content.size());
  if (ZSTD_isError(size)) return bug("compressing: " + zstd_words(size));
  return size;
}

uint64_t max_frame_size(uint64_t content_size) { return ZSTD_compressBound(content_size) + 32; }

struct ZstdDecompressor::Context {
  ZSTD_DCtx* zstd = ZSTD_createDCtx();
  ~Context() { ZSTD_freeDCtx(zstd); }
};

ZstdDecompressor::ZstdDecompressor() : context_(std::make_unique<Context>()) {}
ZstdDecompressor::~ZstdDecompressor() = default;
ZstdDecompressor::ZstdDecompressor(ZstdDecompressor&&) noexcept = default;

Status ZstdDecompressor::decompress(ByteSpan frame, MutableByteSpan content) {
  const size_t size = ZSTD_decompressDCtx(context_->zstd, content.data(), content.size(), frame.data(), frame.size());
  if (ZSTD_isError(size)) return damaged(zstd_words(size));
  if (size != content.size()) return damaged("a frame holds less than it should");
  return {};
}

Status ZstdDecompressor::decompress_first(ByteSpan frames, MutableByteSpan content) {
  ZSTD_inBuffer in = {frames.data(), frames.size(), 0};
  ZSTD_outBuffer out = {content.data(), content.size(), 0};
  ZSTD_DCtx_reset(context_->zstd, ZSTD_reset_session_only);
  for (size_t left = 1; out.pos < out.size || left != 0;) {
    const size_t before = in.pos + out.pos;
    left = ZSTD_decompressStream(context_->zstd, &out, &in);
    if (ZSTD_isError(left)) return damaged(zstd_words(left));
    // Neither read nor written: it wants more input than there is, or has more output than fits.
    if (in.pos + out.pos == before) return damaged("the compressed data is damaged");
  }
  return {};
}

struct ZstdStreamReader::Context {
  ZSTD_DCtx* zstd = ZSTD_createDCtx();
  std::vector<std::byte> buffer = std::vector<std::byte>(ZSTD_DStreamInSize());
  size_t begin = 0, end = 0;  // what of buffer is not yet decoded
  uint64_t offset = 0;        // of buffer[begin] in the source
  bool inside_frame = false, source_ended = false;
  ~Context() { ZSTD_freeDCtx(zstd); }
};

ZstdStreamReader::ZstdStreamReader(ByteReader& source, uint64_t offset, OnSkippable on_skippable)
    : source_(source), on_skippable_(std::move(on_skippable)), context_(std::make_unique<Context>()) {
  context_->offset = offset;
  ZSTD_DCtx_setParameter(context_->zstd, ZSTD_d_windowLogMax, 27);
}
ZstdStreamReader::~ZstdStreamReader() = default;

// One more read behind what is left.
Status ZstdStreamReader::refill() {
  Context& c = *context_;
  std::memmove(c.buffer.data(), c.buffer.data() + c.begin, c.end - c.begin);
  c.end -= c.begin;
  c.begin = 0;
  const size_t got = HX_TRY(source_.read_some(MutableByteSpan(c.buffer).subspan(c.end)));
  c.end += got;
  c.source_ended = got == 0;
  return {};
}

// Between frames: is the next one skippable?
Status ZstdStreamReader::look_at_frame_start() {
  Context& c = *context_;
  while (c.end - c.begin < 4 && !c.source_ended) HX_TRY(refill());
  if (c.end - c.begin < 4) return {};
  const uint32_t magic = load_struct<Le32>(ByteSpan(c.buffer).subspan(c.begin, 4));
  return is_skippable(magic) ? on_skippable_(magic, c.offset) : Status();
}

Result<size_t> ZstdStreamReader::read_some(MutableByteSpan out) {
  Context& c = *context_;
  for (;;) {
    if (!c.inside_frame) HX_TRY(look_at_frame_start());
    if (c.begin == c.end && !c.source_ended) HX_TRY(refill());
    if (c.begin == c.end && !c.inside_frame) return size_t{0};
    ZSTD_inBuffer in = {c.buffer.data() + c.begin, c.end - c.begin, 0};
    ZSTD_outBuffer to = {out.data(), out.size(), 0};
    const size_t left = ZSTD_decompressStream(c.zstd, &to, &in);
    c.begin += in.pos;
    c.offset += in.pos;
    const auto where = [&] { return name() + ": at " + std::to_string(c.offset) + ": "; };
    if (ZSTD_isError(left)) {
      Error error = damaged(where() + "the compressed data is damaged: " + zstd_words(left));
      if (ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge) error.kind = ErrorKind::kUnsupported;
      return error;
    }
    c.inside_frame = left != 0;
    if (to.pos > 0) return to.pos;
    if (c.inside_frame && c.source_ended && in.pos == 0) return damaged(where() + "cut short inside a zstd frame");
  }
}

}  // namespace hx
