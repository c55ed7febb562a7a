#pragma once
// What the frames of a plain snapshot hold, whatever its header says of it.

#include <optional>

#include "hash/digest.h"
#include "io/byte_io.h"

namespace hx {

struct PlainContent {
  uint64_t body_offset = 0, size = 0;
  Digest digest;  // SHA-256 of all of it
};

// Decodes all frames from body_offset to the end of the file. nullopt: not all of them decode, or one belongs to an
// index, which a plain snapshot has not.
Result<std::optional<PlainContent>> decode_plain_content(const RandomReader&, uint64_t body_offset);

// The same behind a header that is damaged: where it says that it ends, else from the first bytes that look like a
// frame. nullopt also where these hold nothing, or the header is of a version that we do not know.
Result<std::optional<PlainContent>> find_plain_content(const RandomReader&);

}  // namespace hx
