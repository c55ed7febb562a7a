#pragma once
// A SHA-256 that can be put down and taken up again by another process: FIPS 180-4, section 6.2.2. Between two blocks
// of 64 bytes the function's whole state is eight words and the length so far.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "hash/digest.h"

namespace hx {

struct Sha256State {
  std::array<uint32_t, 8> words{};
  uint64_t length = 0;  // bytes hashed so far: a multiple of 64
  bool operator==(const Sha256State&) const = default;
  std::string hex() const;  // the words, 64 lowercase digits
};
// nullopt: not 64 lowercase digits, or the length is no multiple of 64 or above 2^61-1 (SHA-256 ends there).
std::optional<Sha256State> parse_sha256_state(std::string_view hex, uint64_t length);

// As hash/sha256 with a state that can be taken out. EVP cannot give it (OpenSSL 3 has no such call); the functions
// that it has replaced can, and are as fast. One thread at a time.
class ResumableSha256 {
 public:
  ResumableSha256();
  // Goes on from there.
  explicit ResumableSha256(const Sha256State&);
  ~ResumableSha256();
  ResumableSha256(ResumableSha256&&) noexcept;
  ResumableSha256& operator=(ResumableSha256&&) noexcept;

  void update(ByteSpan);
  void update_zeros(uint64_t length);
  // After the last whole block: up to 63 bytes that came after it are not in it, and must be given again.
  Sha256State state() const;
  uint64_t length() const;  // of all so far
  Digest digest() const;    // of all so far; more may follow

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace hx
