// Any bytes as a frame of extents: no crash, and one that is accepted is encoded as the same bytes: nothing in it is
// unread.

#include <cstring>

#include "fuzz/target.h"
#include "hash/xxh3.h"
#include "snapshot/mirn_index.h"

using namespace hx;

namespace {

// With the right length and checksum, or no input would get beyond them.
std::string repaired(std::string text) {
  if (text.size() < sizeof(mirn::SkippableHeader) + 8) return text;
  const Le32 content = static_cast<uint32_t>(text.size() - sizeof(mirn::SkippableHeader));
  std::memcpy(text.data() + 4, &content, sizeof content);
  const Le64 checksum = xxh3_64(as_bytes(text).first(text.size() - 8));
  std::memcpy(text.data() + text.size() - 8, &checksum, sizeof checksum);
  return text;
}

void check(std::string_view text) {
  for (const IndexLayout layout : {IndexLayout::kFull, IndexLayout::kDelta})
    for (const uint64_t size : {uint64_t{200000}, uint64_t{1} << 62}) {
      const IndexShape shape{size, 65536, layout};
      const auto entry = decode_extents(as_bytes(text), shape);
      if (!entry) continue;
      const FrameEntry& e = entry.value();
      require(encode_extents(e) == text, "a frame of extents has one encoding");
      require(e.extents_size == text.size() && extents_frame_size(e) == text.size(), "its size is known");
      require(e.extent.end() <= size && e.content_size() <= shape.chunk_size,
              "extents are on the disk, and in a chunk");
      FrameEntry again = e;
      normalize(again,
                e.extents.empty() ? std::vector<MapEntry>{{e.extent.offset, e.extent.length, e.kind}} : e.extents,
                shape);
      require(again == e, "it was normal");
    }
}

}  // namespace

static void fuzz(std::string_view text) {
  check(text);
  check(repaired(std::string(text)));
}
