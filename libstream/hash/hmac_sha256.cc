#include "hash/hmac_sha256.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdlib>

namespace hx {

Digest hmac_sha256(ByteSpan key, ByteSpan message) {
  Digest digest;
  unsigned size = 0;
  const auto* text = reinterpret_cast<const unsigned char*>(message.data());
  // Only a broken OpenSSL fails here: a signature of nothing would be worse. A null key would mean "the last one".
  const void* secret = key.empty() ? "" : static_cast<const void*>(key.data());
  if (!HMAC(EVP_sha256(), secret, static_cast<int>(key.size()), text, message.size(),
            reinterpret_cast<unsigned char*>(digest.bytes.data()), &size) ||
      size != digest.bytes.size())
    std::abort();
  return digest;
}

}  // namespace hx
