#define OPENSSL_SUPPRESS_DEPRECATED  // SHA256_CTX: the only one that shows its state
#include "hash/sha256_state.h"

#include <openssl/sha.h>

#include <algorithm>
#include <cstdlib>

#include "hash/prefetched.h"

namespace hx {

struct ResumableSha256::Context {
  SHA256_CTX sha;
};

namespace {

constexpr uint64_t kMaxLength = (uint64_t{1} << 61) - 1;
alignas(64) constexpr std::byte kZeros[64 * kKiB] = {};

// They cannot fail; that they did would mean a digest of nothing.
void require(int success) {
  if (success != 1) std::abort();
}

uint64_t length_of(const SHA256_CTX& sha) { return (uint64_t{sha.Nh} << 32 | sha.Nl) / 8; }  // it counts bits

}  // namespace

std::string Sha256State::hex() const {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const uint32_t word : words)
    for (int shift = 28; shift >= 0; shift -= 4) text += kDigits[word >> shift & 15];
  return text;
}

std::optional<Sha256State> parse_sha256_state(std::string_view hex, uint64_t length) {
  const std::optional<Digest> bytes = parse_digest(hex);
  if (!bytes || length % SHA256_CBLOCK != 0 || length > kMaxLength) return std::nullopt;
  Sha256State state;
  state.length = length;
  for (size_t i = 0; i < bytes->bytes.size(); ++i)
    state.words[i / 4] = state.words[i / 4] << 8 | static_cast<uint32_t>(bytes->bytes[i]);
  return state;
}

ResumableSha256::ResumableSha256() : context_(std::make_unique<Context>()) { require(SHA256_Init(&context_->sha)); }

ResumableSha256::ResumableSha256(const Sha256State& state) : ResumableSha256() {
  SHA256_CTX& sha = context_->sha;
  std::copy(state.words.begin(), state.words.end(), sha.h);
  sha.Nl = static_cast<SHA_LONG>(state.length << 3);
  sha.Nh = static_cast<SHA_LONG>(state.length >> 29);
}

ResumableSha256::~ResumableSha256() = default;
ResumableSha256::ResumableSha256(ResumableSha256&&) noexcept = default;
ResumableSha256& ResumableSha256::operator=(ResumableSha256&&) noexcept = default;

void ResumableSha256::update(ByteSpan bytes) {
  each_prefetched(bytes, [&](ByteSpan piece) { require(SHA256_Update(&context_->sha, piece.data(), piece.size())); });
}

void ResumableSha256::update_zeros(uint64_t length) {
  while (length > 0) {
    const size_t step = std::min<uint64_t>(length, sizeof kZeros);
    update(ByteSpan(kZeros, step));
    length -= step;
  }
}

Sha256State ResumableSha256::state() const {
  Sha256State state;
  std::copy(std::begin(context_->sha.h), std::end(context_->sha.h), state.words.begin());
  state.length = length() - context_->sha.num;
  return state;
}

uint64_t ResumableSha256::length() const { return length_of(context_->sha); }

Digest ResumableSha256::digest() const {
  SHA256_CTX copy = context_->sha;
  Digest digest;
  require(SHA256_Final(reinterpret_cast<unsigned char*>(digest.bytes.data()), &copy));
  return digest;
}

}  // namespace hx
