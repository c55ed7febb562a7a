#pragma once
// The bytes of a file that was fetched, against what its server says of them.

#include <optional>
#include <string>
#include <vector>

#include "net/offered_checksums.h"

namespace hx {

enum class OwnDigest : uint8_t { kNo, kCompute };

struct CheckedBytes {
  std::string sha256;   // 64 digits; empty unless computed
  std::string checked;  // what agreed: "MD5 of content-md5"; empty: nothing was offered
};
// Reads the file once if there is anything to be computed: the first, strongest of what is offered, and ours. kDamaged
// (reason "checksum"): another one.
Result<CheckedBytes> check_bytes(int fd, const std::string& name, uint64_t size,
                                 const std::vector<OfferedChecksum>& offered, OwnDigest);

}  // namespace hx
