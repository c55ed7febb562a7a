#include "hash/sha256.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>

#include "hash/prefetched.h"

namespace hx {

struct Sha256::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  ~Context() { EVP_MD_CTX_free(evp); }
};

namespace {

// Fetched once: an implicit fetch at every EVP_DigestInit costs more than hashing a small chunk.
const EVP_MD* sha256_algorithm() {
  static EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

// Only a broken OpenSSL (no default provider) or no memory for a few bytes fails here; hashing on would be worse.
void require(int success) {
  if (success != 1) std::abort();
}

alignas(64) constexpr std::byte kZeros[64 * kKiB] = {};

}  // namespace

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  require(EVP_DigestInit_ex2(context_->evp, sha256_algorithm(), nullptr));
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(ByteSpan bytes) {
  each_prefetched(bytes, [&](ByteSpan piece) { require(EVP_DigestUpdate(context_->evp, piece.data(), piece.size())); });
}

void Sha256::update_zeros(uint64_t length) {
  while (length > 0) {
    const size_t step = std::min<uint64_t>(length, sizeof kZeros);
    update(ByteSpan(kZeros, step));
    length -= step;
  }
}

Digest Sha256::finish() {
  Digest digest;
  unsigned size = 0;
  require(EVP_DigestFinal_ex(context_->evp, reinterpret_cast<unsigned char*>(digest.bytes.data()), &size));
  require(EVP_DigestInit_ex2(context_->evp, sha256_algorithm(), nullptr));
  return digest;
}

Digest Sha256::of(ByteSpan bytes) {
  thread_local Sha256 hasher;
  hasher.update(bytes);
  return hasher.finish();
}

}  // namespace hx
