// Any bytes as zstd frames, as a stream of them, and as a snapshot that is read from a pipe and from a file: no crash,
// no more memory than the format allows, and whoever accepts it gives one and the same image.

#include "codec/zstd_codec.h"
#include "codec/zstd_frame.h"
#include "fuzz/target.h"
#include "support/snapshot_reading.h"

using namespace hx;
using namespace hx::test;

namespace {

constexpr uint64_t kMaxImage = 4 * kMiB;  // larger ones are not looked at: only time would be lost

// What read_frame() cuts is all of the input, and decodes to what the stream does.
void check_frames(std::string_view text) {
  MemoryReader source(as_bytes(text));
  BufferedReader in(source, {}, 64);
  std::vector<std::byte> frame;
  std::string joined;
  for (;;) {
    auto got = read_frame(in, frame, [](uint32_t) { return kMiB; });
    if (!got || !*got) break;
    require(!frame.empty(), "a frame is not empty");
    joined += as_text(frame);
  }
  require(text.starts_with(joined), "frames follow each other without a gap");
  MemoryReader stream(as_bytes(text));
  ZstdStreamReader zstd(stream, 0, [](uint32_t, uint64_t) { return Status(); });
  std::vector<std::byte> piece(64 * kKiB);
  for (uint64_t done = 0; done < kMaxImage;) {
    auto got = zstd.read_full(piece);
    if (!got || *got < piece.size()) break;
    done += *got;
  }
}

void check_snapshot(std::string_view text) {
  MemoryReader file(as_bytes(text));
  auto header = read_header(static_cast<const RandomReader&>(file));
  if (!header || header->size > kMaxImage) return;
  auto by_place = read_by_place(text), in_sequence = read_in_sequence(text);
  require(by_place.ok() == in_sequence.ok(), "file and pipe agree");
  require(!by_place.ok() || by_place.value() == in_sequence.value(), "on the image too");
}

}  // namespace

static void fuzz(std::string_view text) {
  check_frames(text);
  check_snapshot(text);
}
