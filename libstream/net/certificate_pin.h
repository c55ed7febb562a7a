#pragma once
// The server's certificate known beforehand, by its thumbprint: for servers that sign their own.

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace hx {

// "AB:CD:…" or "abcd…": the 20 or 32 bytes of a certificate's SHA-1 or SHA-256. kUsage.
Result<std::string> parse_thumbprint(std::string_view text);

// Makes a context of OpenSSL (SSL_CTX*, which libcurl hands out as void*) accept the certificate with this thumbprint
// and no other. Checked within the handshake: before a byte of a request is sent. The thumbprint must outlive it.
void pin_certificate(void* ssl_context, const std::string& thumbprint);

}  // namespace hx
