// Any bytes as the header of a snapshot: no crash, and the same answer from a pipe as from a file.

#include "fuzz/target.h"
#include "io/fd_io.h"
#include "snapshot/mirn_header.h"

using namespace hx;

static void fuzz(std::string_view text) {
  MemoryReader pipe(as_bytes(text)), file(as_bytes(text));
  const size_t taken = std::min<size_t>(text.size(), 8);  // as snapshot_input does
  std::string magic(taken, '\0');
  require(pipe.read_full(std::as_writable_bytes(std::span(magic))).ok(), "memory can be read");
  auto header = read_header(pipe, as_bytes(magic));
  auto by_place = read_header(static_cast<const RandomReader&>(file));
  require(header.ok() == by_place.ok(), "pipe and file agree");
  if (!header) {
    require(header.error().message == by_place.error().message, "and say the same");
    return;
  }
  require(header->bytes == by_place->bytes && text.starts_with(header->bytes), "the header is where it was");
  const std::string unsealed = unsealed_form(header->bytes);
  require(unsealed.empty() || unsealed.size() == header->bytes.size(), "sealing moves nothing");
  require(unsealed_form(unsealed) == unsealed, "the unsealed form of it is itself");
  if (header->hx && header->hx->seal.size() != 16) header->hx->seal.clear();
  const std::string again = encode_header(*header);
  if (again.size() > sizeof(mirn::HeaderPrefix) + mirn::kMaxMetadata) return;
  MemoryReader copy(as_bytes(again));
  auto parsed = read_header(static_cast<const RandomReader&>(copy));
  require(parsed.ok(), "what is encoded can be read");
  require(parsed->size == header->size && parsed->checksum == header->checksum && parsed->name == header->name,
          "the same comes out");
}
