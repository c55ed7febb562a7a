#pragma once
#include "extent/extent_source.h"
#include "io/byte_io.h"

namespace hx {

// Reads an extent stream and enforces every rule of hx-stream(5), "RULES". Errors name the stream and the byte offset
// of the record. An ABORT record becomes an Error with the source's kind, reason and message; bytes after END, and an
// end without END, are kDamaged; an empty input is kDamaged with a hint. Memory: the pool's buffers (of kMaxPayload at
// least), and up to 64 MiB of a disk's files. In a delta what no record speaks of comes out as absent extents. DIGEST
// records come as take_digests(). `already_read`: bytes that the caller took from the reader to see what it is (at
// most 16). Does not own the reader.
enum class Resumed : uint8_t { kRefuse, kTake };  // a disk that goes on where another stream was cut: kUnsupported
std::unique_ptr<ExtentSource> stream_reader(ByteReader&, BufferPool&, ByteSpan already_read = {},
                                            Resumed = Resumed::kRefuse);

}  // namespace hx
