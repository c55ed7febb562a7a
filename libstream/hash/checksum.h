#pragma once
// The checksums that servers say of their files. Ours is hash/sha256.

#include <cstdint>
#include <memory>
#include <string>

#include "base/bytes.h"

namespace hx {

enum class ChecksumKind : uint8_t { kSha512, kSha256, kSha1, kMd5, kCrc32c, kCrc32 };  // the strongest first
const char* checksum_name(ChecksumKind);                                               // "SHA-512", "CRC-32C"
size_t checksum_size(ChecksumKind);                                                    // in bytes

// One thread at a time.
class Checksum {
 public:
  explicit Checksum(ChecksumKind);
  ~Checksum();
  Checksum(Checksum&&) noexcept;
  void update(ByteSpan);
  std::string finish();  // the bytes; of a CRC big endian. Once.

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace hx
