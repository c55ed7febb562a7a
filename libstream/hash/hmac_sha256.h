#pragma once
#include "hash/digest.h"

namespace hx {

// HMAC with SHA-256 (RFC 2104): for signing requests. Any thread.
Digest hmac_sha256(ByteSpan key, ByteSpan message);

}  // namespace hx
