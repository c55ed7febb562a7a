#pragma once
#include <memory>

#include "extent/extent_source.h"
#include "io/byte_io.h"

namespace hx {

// Plain bytes as a disk, from a pipe: all that comes until the end. Runs of zeros become zero extents. `size`: what
// must come, kDamaged if it is more or less; kUnknownSize takes what comes, but not nothing (a failed command before
// the pipe must not become an empty disk). `name`: DiskInfo::name. Buffers of kMaxPayload from the pool; owns neither.
std::unique_ptr<ExtentSource> raw_pipe(ByteReader&, BufferPool&, uint64_t size, std::string name);

}  // namespace hx
