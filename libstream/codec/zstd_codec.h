#pragma once
// zstd for whole frames and for streams. The one home of <zstd.h>.

#include <functional>
#include <memory>

#include "io/byte_io.h"

namespace hx {

constexpr int kMinLevel = 1, kMaxLevel = 19;

// Whole chunks to frames, each with its content size and the checksum of its content (its last four bytes: the low 32
// bits of XXH64). Reuses its memory. One thread.
class ZstdCompressor {
 public:
  explicit ZstdCompressor(int level);
  ~ZstdCompressor();
  ZstdCompressor(ZstdCompressor&&) noexcept;
  // out: at least max_frame_size(content.size()) bytes. Gives the frame's size.
  Result<size_t> compress(ByteSpan content, MutableByteSpan out);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// The most that a frame of so much content may take.
uint64_t max_frame_size(uint64_t content_size);

// One frame whose content is exactly content.size() bytes; anything else is kDamaged (the message has no object: the
// caller knows it). Reuses its memory. One thread.
class ZstdDecompressor {
 public:
  ZstdDecompressor();
  ~ZstdDecompressor();
  ZstdDecompressor(ZstdDecompressor&&) noexcept;
  Status decompress(ByteSpan frame, MutableByteSpan content);
  // Fills content from one or more frames at the beginning of `frames`, whatever follows them; the last one must end
  // where content does.
  Status decompress_first(ByteSpan frames, MutableByteSpan content);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

// A sequence of frames as one sequence of bytes, skippable frames passed over. A window of more than 128 MiB is refused
// (kUnsupported). The end of the input inside a frame is kDamaged. One thread; does not own the source.
class ZstdStreamReader : public ByteReader {
 public:
  // Called with the magic and the offset of each skippable frame; its error ends the reading.
  using OnSkippable = std::function<Status(uint32_t magic, uint64_t offset)>;
  // offset: of the source's next byte, as messages count it.
  ZstdStreamReader(ByteReader& source, uint64_t offset, OnSkippable);
  ~ZstdStreamReader() override;
  Result<size_t> read_some(MutableByteSpan out) override;
  const std::string& name() const override { return source_.name(); }

 private:
  struct Context;
  Status refill();
  Status look_at_frame_start();

  ByteReader& source_;
  OnSkippable on_skippable_;
  std::unique_ptr<Context> context_;
};

}  // namespace hx
