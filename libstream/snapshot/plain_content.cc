#include "snapshot/plain_content.h"

#include <algorithm>

#include "codec/zstd_codec.h"
#include "codec/zstd_frame.h"
#include "hash/sha256.h"
#include "snapshot/mirn_header.h"
#include "snapshot/part_reader.h"

namespace hx {
namespace {

bool begins_frame(ByteSpan bytes, uint64_t at) {
  return at + sizeof(Le32) <= bytes.size() && load_struct<Le32>(bytes.subspan(at)) == kZstdMagic;
}

// JSON cannot hold the magic of a frame: its bytes are no UTF-8.
std::optional<uint64_t> first_frame(ByteSpan beginning) {
  if (beginning.size() < sizeof(mirn::HeaderPrefix)) return std::nullopt;
  const uint64_t said =
      sizeof(mirn::HeaderPrefix) + uint64_t{load_struct<mirn::HeaderPrefix>(beginning).metadata_length};
  if (begins_frame(beginning, said)) return said;
  for (uint64_t at = sizeof(mirn::HeaderPrefix); at < beginning.size(); ++at)
    if (begins_frame(beginning, at)) return at;
  return std::nullopt;
}

}  // namespace

Result<std::optional<PlainContent>> decode_plain_content(const RandomReader& file, uint64_t body_offset) {
  const uint64_t size = HX_TRY(file.size());
  PartReader in(file, std::min(body_offset, size), size);
  ZstdStreamReader zstd(in, body_offset, [](uint32_t magic, uint64_t) {
    const bool is_index = magic == mirn::kPageMagic || magic == mirn::kDirectoryMagic || magic == mirn::kExtentsMagic;
    return is_index ? Status(damaged("an index")) : Status();
  });
  PlainContent content{body_offset, 0, {}};
  Sha256 hasher;
  std::vector<std::byte> piece(kMiB);
  for (;;) {
    auto got = zstd.read_full(piece);
    if (!got) {
      const ErrorKind kind = got.error().kind;
      if (kind == ErrorKind::kDamaged || kind == ErrorKind::kUnsupported) return std::optional<PlainContent>();
      return std::move(got).error();
    }
    hasher.update(ByteSpan(piece).first(*got));
    content.size += *got;
    if (*got < piece.size()) break;
  }
  content.digest = hasher.finish();
  return std::optional(content);
}

Result<std::optional<PlainContent>> find_plain_content(const RandomReader& file) {
  auto header = read_header(file);
  if (!header.ok() && header.error().kind == ErrorKind::kUnsupported) return std::optional<PlainContent>();
  std::vector<std::byte> beginning(
      std::min<uint64_t>(HX_TRY(file.size()), sizeof(mirn::HeaderPrefix) + mirn::kMaxMetadata + sizeof(Le32)));
  HX_TRY(file.read_at(0, beginning));
  if (says_version_2(beginning)) return std::optional<PlainContent>();  // its frames may be a delta's
  const auto begin = first_frame(beginning);
  if (!begin) return std::optional<PlainContent>();
  auto content = HX_TRY(decode_plain_content(file, *begin));
  if (content && content->size == 0) content.reset();
  return content;
}

}  // namespace hx
