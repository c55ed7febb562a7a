#include "snapshot/salvage_scan.h"

#include <algorithm>
#include <cstring>

namespace hx {
namespace {

constexpr uint64_t kPiece = 4 * kMiB;
constexpr uint64_t kTagSize = sizeof mirn::kPageTag;

void find(ByteSpan piece, uint64_t at, const char (&tag)[8], std::vector<uint64_t>& places) {
  std::string_view text = as_text(piece);
  const std::string_view wanted(tag, sizeof tag);
  // No snapshot has more pages; the disk in it may be full of what looks like them.
  for (size_t i = text.find(wanted); i != std::string_view::npos && places.size() < mirn::kMaxPages;
       i = text.find(wanted, i + 1))
    if (at + i >= sizeof(mirn::SkippableHeader)) places.push_back(at + i - sizeof(mirn::SkippableHeader));
}

}  // namespace

Result<TagPlaces> find_tags(const RandomReader& file) {
  const uint64_t size = HX_TRY(file.size());
  TagPlaces places;
  std::vector<std::byte> buffer(kPiece);
  // Pieces overlap by less than a tag, so that none is found twice.
  for (uint64_t at = 0; at + kTagSize <= size; at += kPiece - (kTagSize - 1)) {
    const MutableByteSpan piece = MutableByteSpan(buffer).first(std::min(kPiece, size - at));
    HX_TRY(file.read_at(at, piece));
    find(piece, at, mirn::kPageTag, places.pages);
    find(piece, at, mirn::kDirectoryTag, places.directories);
  }
  return places;
}

}  // namespace hx
