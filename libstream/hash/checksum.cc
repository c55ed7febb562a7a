#include "hash/checksum.h"

#include <openssl/evp.h>

#include <array>
#include <cstdlib>

namespace hx {
namespace {

// Reflected CRCs, eight bytes a step ("slicing by 8": Kounavis and Berry, 2005); about 2 GB/s.
using CrcTables = std::array<std::array<uint32_t, 256>, 8>;

constexpr CrcTables crc_tables(uint32_t reflected_polynomial) {
  CrcTables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) ? reflected_polynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t i = 1; i < tables.size(); ++i)
    for (uint32_t byte = 0; byte < 256; ++byte)
      tables[i][byte] = (tables[i - 1][byte] >> 8) ^ tables[0][tables[i - 1][byte] & 0xFF];
  return tables;
}

constexpr CrcTables kCrc32 = crc_tables(0xEDB88320);   // ISO-HDLC: gzip, zlib
constexpr CrcTables kCrc32c = crc_tables(0x82F63B78);  // iSCSI: RFC 3720, appendix B.4

uint32_t crc_step(const CrcTables& table, uint32_t crc, ByteSpan bytes) {
  const auto at = [&](size_t i) { return static_cast<uint32_t>(bytes[i]); };
  for (; bytes.size() >= 8; bytes = bytes.subspan(8)) {
    crc ^= at(0) | at(1) << 8 | at(2) << 16 | at(3) << 24;
    crc = table[7][crc & 0xFF] ^ table[6][(crc >> 8) & 0xFF] ^ table[5][(crc >> 16) & 0xFF] ^ table[4][crc >> 24] ^
          table[3][at(4)] ^ table[2][at(5)] ^ table[1][at(6)] ^ table[0][at(7)];
  }
  for (const std::byte byte : bytes) crc = (crc >> 8) ^ table[0][(crc ^ static_cast<uint32_t>(byte)) & 0xFF];
  return crc;
}

// Only a broken OpenSSL fails here; a file that was not compared must not be taken for one that was.
void require(int success) {
  if (success != 1) std::abort();
}

const EVP_MD* algorithm_of(ChecksumKind kind) {
  switch (kind) {
    case ChecksumKind::kSha512:
      return EVP_sha512();
    case ChecksumKind::kSha256:
      return EVP_sha256();
    case ChecksumKind::kSha1:
      return EVP_sha1();
    case ChecksumKind::kMd5:
      return EVP_md5();
    case ChecksumKind::kCrc32c:
    case ChecksumKind::kCrc32:
      break;
  }
  return nullptr;
}

}  // namespace

struct Checksum::Context {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> evp{nullptr, EVP_MD_CTX_free};
  const CrcTables* crc_table = nullptr;
  uint32_t crc = ~uint32_t{0};
};

const char* checksum_name(ChecksumKind kind) {
  constexpr std::array kNames = {"SHA-512", "SHA-256", "SHA-1", "MD5", "CRC-32C", "CRC-32"};
  return kNames[static_cast<size_t>(kind)];
}

size_t checksum_size(ChecksumKind kind) {
  const EVP_MD* const algorithm = algorithm_of(kind);
  return algorithm ? static_cast<size_t>(EVP_MD_get_size(algorithm)) : sizeof(uint32_t);
}

Checksum::Checksum(ChecksumKind kind) : context_(std::make_unique<Context>()) {
  if (const EVP_MD* const algorithm = algorithm_of(kind)) {
    context_->evp.reset(EVP_MD_CTX_new());
    require(EVP_DigestInit_ex(context_->evp.get(), algorithm, nullptr));
  } else {
    context_->crc_table = kind == ChecksumKind::kCrc32c ? &kCrc32c : &kCrc32;
  }
}
Checksum::~Checksum() = default;
Checksum::Checksum(Checksum&&) noexcept = default;

void Checksum::update(ByteSpan bytes) {
  if (context_->crc_table)
    context_->crc = crc_step(*context_->crc_table, context_->crc, bytes);
  else
    require(EVP_DigestUpdate(context_->evp.get(), bytes.data(), bytes.size()));
}

std::string Checksum::finish() {
  if (context_->crc_table) {
    const uint32_t crc = ~context_->crc;
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(crc >> shift);
    return bytes;
  }
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  require(EVP_DigestFinal_ex(context_->evp.get(), bytes, &size));
  return std::string(reinterpret_cast<const char*>(bytes), size);
}

}  // namespace hx
