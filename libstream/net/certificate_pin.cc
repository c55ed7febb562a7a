#include "net/certificate_pin.h"

#include <openssl/crypto.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>

namespace hx {
namespace {

constexpr size_t kSha1Size = 20, kSha256Size = 32;

// Takes the place of the verification of a chain (SSL_CTX_set_cert_verify_callback(3)): 1 accepts.
int verify(X509_STORE_CTX* store, void* argument) {
  const auto& wanted = *static_cast<const std::string*>(argument);
  X509* const certificate = X509_STORE_CTX_get0_cert(store);
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  const EVP_MD* const algorithm = wanted.size() == kSha1Size ? EVP_sha1() : EVP_sha256();
  const bool is_it = certificate && X509_digest(certificate, algorithm, digest, &size) == 1 && size == wanted.size() &&
                     CRYPTO_memcmp(digest, wanted.data(), size) == 0;
  X509_STORE_CTX_set_error(store, is_it ? X509_V_OK : X509_V_ERR_CERT_REJECTED);
  return is_it ? 1 : 0;
}

}  // namespace

Result<std::string> parse_thumbprint(std::string_view text) {
  std::string digits;
  for (const char c : text)
    if (c != ':') digits += c;
  std::string bytes;
  bool is_hex = digits.size() % 2 == 0;
  for (size_t i = 0; is_hex && i < digits.size(); i += 2) {
    const std::string_view pair = std::string_view(digits).substr(i, 2);
    is_hex = pair.find_first_not_of("0123456789abcdefABCDEF") == pair.npos;
    if (is_hex) bytes += static_cast<char>(std::stoi(std::string(pair), nullptr, 16));
  }
  if (!is_hex || (bytes.size() != kSha1Size && bytes.size() != kSha256Size))
    return usage_error("'" + std::string(text) + "' is no thumbprint: 64 (SHA-256) or 40 (SHA-1) hexadecimal digits");
  return bytes;
}

void pin_certificate(void* ssl_context, const std::string& thumbprint) {
  SSL_CTX_set_cert_verify_callback(static_cast<SSL_CTX*>(ssl_context), verify, const_cast<std::string*>(&thumbprint));
}

}  // namespace hx
