#include "codec/zstd_frame.h"

#include "base/endian.h"

namespace hx {
namespace {

Error bad(const BufferedReader& in, uint64_t offset, const std::string& what) {
  return damaged(in.name() + ": at " + std::to_string(offset) + ": " + what);
}

// One frame being read: appends what it takes to bytes.
class FrameScan {
 public:
  FrameScan(BufferedReader& in, std::vector<std::byte>& bytes, const MaxFrameSize& max_size)
      : in_(in), bytes_(bytes), max_size_of_(max_size), start_(in.offset()) {}

  Result<ByteSpan> take(uint64_t count) {
    if (bytes_.size() > max_size_ || count > max_size_ - bytes_.size())
      return bad(in_, start_, "a frame is longer than it may be here");
    const size_t before = bytes_.size();
    bytes_.resize(before + count);
    const MutableByteSpan out = MutableByteSpan(bytes_).subspan(before);
    const size_t got = HX_TRY(in_.read_full(out));
    if (got < count) return bad(in_, in_.offset(), "cut short inside a frame");
    return ByteSpan(out);
  }

  Result<ZstdFrame> scan() {
    ZstdFrame frame;
    frame.magic = load_struct<Le32>(HX_TRY(take(4)));
    max_size_ = max_size_of_(frame.magic);
    if (is_skippable(frame.magic)) {
      const uint32_t size = load_struct<Le32>(HX_TRY(take(4)));
      HX_TRY(take(size));
      frame.content_size = 0;
      return frame;
    }
    if (frame.magic != kZstdMagic) return bad(in_, start_, "not a zstd frame");
    const auto descriptor = static_cast<uint8_t>(HX_TRY(take(1))[0]);
    HX_TRY(scan_header(descriptor, frame));
    HX_TRY(scan_blocks(frame));
    if (descriptor & 4) HX_TRY(take(4));  // content checksum
    return frame;
  }

 private:
  Status scan_header(uint8_t descriptor, ZstdFrame& frame) {
    const bool single_segment = descriptor & 0x20;
    if (descriptor & 0x08) return bad(in_, start_, "a frame header has a reserved bit set");
    if (!single_segment) HX_TRY(take(1));  // window descriptor: the decoder checks it
    static constexpr uint64_t kDictionaryIdSize[] = {0, 1, 2, 4};
    HX_TRY(take(kDictionaryIdSize[descriptor & 3]));
    switch (descriptor >> 6) {
      case 0:
        if (single_segment) frame.content_size = static_cast<uint8_t>(HX_TRY(take(1))[0]);
        break;
      case 1:
        frame.content_size = 256u + load_struct<Le16>(HX_TRY(take(2)));
        break;
      case 2:
        frame.content_size = load_struct<Le32>(HX_TRY(take(4)));
        break;
      case 3:
        frame.content_size = load_struct<Le64>(HX_TRY(take(8)));
        break;
    }
    return {};
  }

  Status scan_blocks(ZstdFrame& frame) {
    frame.only_zero_runs = true;
    for (bool last = false; !last;) {
      const ByteSpan header = HX_TRY(take(3));
      const uint32_t bits = static_cast<uint32_t>(header[0]) | static_cast<uint32_t>(header[1]) << 8 |
                            static_cast<uint32_t>(header[2]) << 16;
      last = bits & 1;
      const uint32_t type = bits >> 1 & 3, size = bits >> 3;
      if (type == 3 || size > kMaxBlockSize) return bad(in_, in_.offset() - 3, "a block header is malformed");
      const bool run = type == 1;
      const ByteSpan content = HX_TRY(take(run ? 1 : size));
      if (!run || content[0] != std::byte{0}) frame.only_zero_runs = false;
    }
    return {};
  }

  BufferedReader& in_;
  std::vector<std::byte>& bytes_;
  const MaxFrameSize& max_size_of_;
  uint64_t max_size_ = 4;  // until the magic is known
  const uint64_t start_;
};

}  // namespace

Result<std::optional<ZstdFrame>> read_frame(BufferedReader& in, std::vector<std::byte>& bytes,
                                            const MaxFrameSize& max_size) {
  bytes.clear();
  if (HX_TRY(in.at_end())) return std::optional<ZstdFrame>();
  return std::optional<ZstdFrame>(HX_TRY(FrameScan(in, bytes, max_size).scan()));
}

}  // namespace hx
