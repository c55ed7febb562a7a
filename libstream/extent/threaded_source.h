#pragma once
#include "extent/extent_source.h"

namespace hx {

// A source that is read in a thread of its own, up to `depth` extents ahead, so that reading and what is done with the
// data overlap. Its thread starts with the first next_disk(). reads_from: what the source reads, cancelled when this
// one is given up while it waits for bytes that may never come; outlives it. An error comes out where it would without
// the thread, after all that was good before it.
std::unique_ptr<ExtentSource> in_own_thread(std::unique_ptr<ExtentSource>, ByteReader& reads_from, size_t depth);

}  // namespace hx
