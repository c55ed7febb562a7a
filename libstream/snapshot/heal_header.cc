#include <algorithm>

#include "hash/sha256.h"
#include "io/fd_io.h"
#include "snapshot/heal_header.h"
#include "snapshot/index_check.h"

namespace hx {
namespace {

// 256 tries a byte, each of which hashes all: about a second at most. Headers are of 700 bytes.
constexpr size_t kMaxSearched = 4096;
constexpr uint64_t kMaxHashed = kGiB;

bool fits(const std::string& bytes, const Digest& digest) {
  const std::string form = unsealed_form(bytes);
  return !form.empty() && Sha256::of(as_bytes(form)) == digest;
}

// The bytes that every header of this length has, whatever it says.
void set_prefix(std::string& bytes) {
  mirn::HeaderPrefix prefix;
  std::copy(std::begin(mirn::kMagic), std::end(mirn::kMagic), prefix.magic);
  prefix.version = mirn::kVersion;
  prefix.metadata_length = static_cast<uint32_t>(bytes.size() - sizeof prefix);
  bytes.replace(0, sizeof prefix, as_text(struct_bytes(prefix)));
}

size_t distance(std::string_view a, std::string_view b) {
  size_t count = a.size() == b.size() ? 0 : a.size();
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) count += a[i] != b[i];
  return count;
}

std::optional<SnapshotHeader> parsed(const std::string& bytes) {
  MemoryReader in(as_bytes(bytes));
  auto header = read_header(static_cast<const RandomReader&>(in));
  return header && header->hx ? std::optional(std::move(*header)) : std::nullopt;
}

// What lies in the header but not in its digest is known from the directory: it was sealed or not, whichever is nearer
// to what is there.
std::optional<std::string> with_seal(const std::string& bytes, const std::string& before, const Directory& directory) {
  const std::string unsealed = unsealed_form(bytes);
  auto header = parsed(unsealed);
  if (!header) return std::nullopt;
  std::optional<Digest> checksum = directory.image_digest;
  if (const auto now = parsed(bytes); !checksum && now && now->hx->sealed) checksum = now->checksum;
  if (!checksum) return unsealed;
  header->checksum = *checksum;
  header->hx->sealed = true;
  header->hx->seal = seal_of(directory.tree, *checksum);
  const std::string sealed = encode_header(*header, bytes.size());
  return distance(sealed, before) < distance(unsealed, before) ? sealed : unsealed;
}

// One byte that is not what it was, outside of what the seal changes.
bool search(std::string& bytes, const Digest& digest) {
  const size_t end =
      std::min({bytes.size(), kMaxSearched, size_t{kMaxHashed / 256 / std::max<size_t>(bytes.size(), 1)}});
  for (size_t i = sizeof(mirn::HeaderPrefix); i < end; ++i) {
    const char was = bytes[i];
    for (int value = 0; value < 256; ++value) {
      bytes[i] = static_cast<char>(value);
      if (fits(bytes, digest)) return true;
    }
    bytes[i] = was;
  }
  return false;
}

}  // namespace

std::optional<std::string> heal_header(std::string bytes, const Directory& directory) {
  const std::string before = bytes;
  if (const auto header = parsed(bytes); header && check_header_against(*header, directory).ok()) return bytes;
  set_prefix(bytes);
  if (fits(bytes, directory.header_digest)) return with_seal(bytes, before, directory);
  if (auto header = parsed(bytes)) {
    header->size = directory.size;
    header->hx->chunk_size = directory.chunk_size;
    std::string again = encode_header(*header, bytes.size());
    if (again.size() == bytes.size() && fits(again, directory.header_digest))
      return with_seal(again, before, directory);
  }
  if (!search(bytes, directory.header_digest)) return std::nullopt;
  return with_seal(bytes, before, directory);
}

}  // namespace hx
