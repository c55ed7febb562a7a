#pragma once
#include <memory>

#include "extent/extent_sink.h"
#include "io/byte_io.h"

namespace hx {

// Writes an extent stream (hx-stream(5)). The preamble goes out with the first record. commit() writes END; abort()
// writes ABORT (after the preamble, if nothing was written yet). Order::kAscending. Does not own the writer.
std::unique_ptr<ExtentSink> stream_writer(ByteWriter&, uint64_t disk_count);

}  // namespace hx
