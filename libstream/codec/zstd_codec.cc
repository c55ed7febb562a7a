#include "codec/zstd_codec.h"


#include <zstd.h>
#include <zstd_errors.h>

namespace hx {
namespace {

Error zstd_error(const char* doing, size_t code) {
  const Error error = damaged(std::string(doing) + ": " + ZSTD_getErrorName(code));
  return error;
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

Status ZstdCompressor::compress(ByteSpan content, std::vector<std::byte>& frame) {
  frame.resize(ZSTD_compressBound(content.size()));
  const size_t size = ZSTD_compress2(context_->zstd, frame.data(), frame.size(), content.data(), content.size());
  if (ZSTD_isError(size)) return bug(std::string("compressing: ") + ZSTD_getErrorName(size));
  frame.resize(size);
  return {};
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
  const size_t size =
      ZSTD_decompressDCtx(context_->zstd, content.data(), content.size(), frame.data(), frame.size());
  if (ZSTD_isError(size)) return zstd_error("decompressing", size);
  if (size != content.size()) return damaged("a frame holds less than it should");
  return {};
}

struct ZstdStreamReader::Context {
  ZSTD_DCtx* zstd = ZSTD_createDCtx();
  std::vector<std::byte> buffer = std::vector<std::byte>(ZSTD_DStreamInSize());
  ZSTD_inBuffer in = {nullptr, 0, 0};
  uint64_t consumed = 0;    // of the source, before in.src
  bool inside_frame = false;
  ~Context() { ZSTD_freeDCtx(zstd); }
};

ZstdStreamReader::ZstdStreamReader(ByteReader& source) : source_(source), context_(std::make_unique<Context>()) {
  ZSTD_DCtx_setParameter(context_->zstd, ZSTD_d_windowLogMax, 27);
}
ZstdStreamReader::~ZstdStreamReader() = default;

Result<size_t> ZstdStreamReader::read_some(MutableByteSpan out) {
  Context& c = *context_;
  for (;;) {
    if (c.in.pos == c.in.size) {
      c.consumed += c.in.size;
      const size_t got = HX_TRY(source_.read_some(c.buffer));
      c.in = {c.buffer.data(), got, 0};
      if (got == 0 && !c.inside_frame) return size_t{0};
    }
    const bool ended = c.in.size == 0;
    ZSTD_outBuffer to = {out.data(), out.size(), 0};
    const size_t left = ZSTD_decompressStream(c.zstd, &to, &c.in);
    const std::string where = name() + ": at " + std::to_string(c.consumed + c.in.pos) + " of the compressed data";
    if (ZSTD_isError(left)) {
      Error error = zstd_error(where.c_str(), left);
      if (ZSTD_getErrorCode(left) == ZSTD_error_frameParameter_windowTooLarge) error.kind = ErrorKind::kUnsupported;
      return error;
    }
    c.inside_frame = left != 0;
    if (to.pos > 0) return to.pos;
    if (ended && c.inside_frame) return damaged(where + ": cut short inside a zstd frame");
  }
}

}  // namespace hx
