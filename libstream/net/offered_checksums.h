#pragma once
// What a server says of a file's bytes, to be compared when all of them are there.

#include <string>
#include <vector>

#include "hash/checksum.h"
#include "net/http_client.h"

namespace hx {

struct OfferedChecksum {
  ChecksumKind kind = ChecksumKind::kSha256;
  std::string bytes;   // as Checksum::finish() gives it
  std::string header;  // where it stood, for messages
};
// Those of an answer to a request without a range (HEAD, or GET with status 200), where they are about the whole file:
// Repr-Digest (RFC 9530), Digest (RFC 3230), Content-MD5 (RFC 2616, 14.15), x-amz-checksum-* (but a composite one, of
// the parts' checksums), x-goog-hash, x-ms-blob-content-md5. Not Content-Digest: of HEAD it may be that of nothing.
// What cannot be parsed, or computed here, is left out. The strongest comes first.
std::vector<OfferedChecksum> offered_checksums(const HttpResponse&);

}  // namespace hx
