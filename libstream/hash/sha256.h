#pragma once
#include <memory>

#include "hash/digest.h"

namespace hx {

// A running SHA-256 (OpenSSL's EVP; about 2 GB/s with SHA-NI). One thread at a time.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(ByteSpan);
  void update_zeros(uint64_t length);  // as update() of that many zero bytes
  Digest finish();                     // and starts anew
  static Digest of(ByteSpan);

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace hx
