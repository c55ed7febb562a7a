#pragma once
// The header of a MIRN snapshot: mirn(5), HEADER.

#include <optional>

#include "base/uuid.h"
#include "extent/extent.h"
#include "hash/digest.h"
#include "io/byte_io.h"
#include "snapshot/mirn_format.h"

namespace hx {

// The "hx" object of the metadata: only files of ours have it.
struct HxFields {
  uint32_t chunk_size = mirn::kDefaultChunkSize;
  bool indexed = true;
  DiskKind kind = DiskKind::kFull;  // kDelta only in version 2
  bool sealed = false;              // without a checksum there is nothing to seal: true
  std::string seal;                 // 16 hex digits over tree identity and checksum; "0…0" while unsealed
  std::string state;                // uuid of the disk's point in time
  std::string change_token;         // may be empty
  std::string parent_state, parent_change_token;  // of a delta: what it builds on; the token may be empty
  std::string consistency;                        // "" or "none"
  std::string created_by;
};

struct SnapshotHeader {
  uint32_t version = mirn::kVersion;
  std::string name;
  uint64_t size = 0;
  std::string filesystem;
  std::string timestamp;     // RFC 3339
  Digest checksum;           // of the image; all zeros: not known (unsealed), or a mismatch
  bool has_checksum = true;  // false only in version 2: the key, and with it the seal, is left out
  std::optional<HxFields> hx;

  // Where the file has it: filled by the parsers.
  std::string bytes;  // [0, 12+M)
  uint64_t body_offset() const { return bytes.size(); }
};

// The header's bytes. With a size given (of an earlier encoding) exactly so long; else with room for what is learned
// later (checksum, size, file system).
std::string encode_header(const SnapshotHeader&, size_t size = 0);

// The header in its *unsealed form*: checksum digits and seal '0', sealed false. The directory keeps its digest, so
// that sealing is one write to the header and nothing else. Without a checksum: the header. Empty where the header is
// none of ours.
std::string unsealed_form(std::string_view header_bytes);
// The value of "seal": binds the checksum to the tree, so that a flip in its digits is seen without hashing the image.
std::string seal_of(const Digest& tree_identity, const Digest& checksum);

// From the start of a sequence, or of a file. Errors name the input and the offset. kUnsupported: another version.
// already_read: bytes taken from the reader before.
Result<SnapshotHeader> read_header(ByteReader&, ByteSpan already_read = {});
Result<SnapshotHeader> read_header(const RandomReader&);

// Whether it is one of version 2, as far as the first bytes of a file tell.
bool says_version_2(ByteSpan beginning);

// What a delta on this snapshot calls its parent: the state; of one of the original's "sha256:" and the checksum.
std::string state_of(const SnapshotHeader&);

}  // namespace hx
