#pragma once
#include <memory>
#include <string>

#include "base/result.h"

namespace hx {

// The certificates that an NBD server of a URI is verified with. libnbd before 1.20.3 verifies nothing unless it finds
// a ca-cert.pem in a directory, and nothing at all where there is no host's name (CVE-2024-7383): so there is always
// such a directory, made for the system's authorities if need be, and what it cannot verify is not connected to.
class TlsAuthorities {
 public:
  // kPermission: a directory without authorities; kUnsupported: nbds+unix without tls-psk-file.
  static Result<TlsAuthorities> of(const std::string& uri);
  // For nbd_set_tls_certificates(3), until connected; empty where the URI itself says what is needed, or without TLS.
  const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
  std::shared_ptr<void> made_;  // removes it
};

}  // namespace hx
