// Any bytes as a directory: no crash, and one that is accepted says the same after being written again.

#include <cstring>

#include "extent/extent.h"
#include "fuzz/target.h"
#include "hash/xxh3.h"
#include "snapshot/mirn_index.h"

using namespace hx;

namespace {

// With the right length, tail and checksum, or no input would get beyond them.
std::string repaired(std::string text) {
  if (text.size() < sizeof(mirn::SkippableHeader) + sizeof(mirn::DirectoryHeader) + sizeof(mirn::DirectoryTail))
    return text;
  const Le32 content = static_cast<uint32_t>(text.size() - sizeof(mirn::SkippableHeader));
  std::memcpy(text.data() + 4, &content, sizeof content);
  const Le64 checksum = xxh3_64(as_bytes(text).first(text.size() - 16));
  std::memcpy(text.data() + text.size() - 16, &checksum, sizeof checksum);
  std::memcpy(text.data() + text.size() - 8, mirn::kTailMagic, sizeof mirn::kTailMagic);
  return text;
}

void check(std::string_view text) {
  const auto directory = decode_directory(as_bytes(text));
  if (!directory) return;
  const Directory& d = directory.value();
  for (const DirectoryFile& file : d.files) require(is_leaf_name(file.name), "machine files have leaf names");
  const std::string again = encode_directory(d);
  const auto copy = decode_directory(as_bytes(again));
  require(copy.ok(), "what is written can be read");
  require(encode_directory(copy.value()) == again, "the same comes out");
  require(copy.value().pages.size() == d.pages.size() && copy.value().files.size() == d.files.size(), "all of it");
}

}  // namespace

static void fuzz(std::string_view text) {
  check(text);
  check(repaired(std::string(text)));
}
