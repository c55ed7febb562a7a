// Any bytes as an index page: no crash, and a page that is accepted is encoded as the same bytes: nothing in it is
// unread.

#include <cstring>

#include "fuzz/target.h"
#include "hash/xxh3.h"
#include "snapshot/index_check.h"

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
  for (const IndexShape& shape :
       {IndexShape{200000, 65536}, IndexShape{uint64_t{1} << 62, 1 << 20},
        IndexShape{200000, 65536, IndexLayout::kFull}, IndexShape{200000, 65536, IndexLayout::kDelta}}) {
    const auto page = decode_page(as_bytes(text), shape);
    if (!page) continue;
    require(encode_page(page.value()) == text, "a page has one encoding");
    require(page.value().end() <= shape.size, "extents are on the disk");
    IndexCheck index(shape);
    mirn::PageRef ref;
    ref.offset = page.value().frames_end();
    ref.size = static_cast<uint32_t>(text.size());
    (void)index.add_page(page.value(), ref).ok();
    Directory directory;
    directory.chunk_size = shape.chunk_size;
    directory.position = 1;  // an empty delta's would be 0
    require(!index.finish(directory, 0).ok(), "an empty directory does not match");
  }
}

}  // namespace

static void fuzz(std::string_view text) {
  check(text);
  check(repaired(std::string(text)));
}
