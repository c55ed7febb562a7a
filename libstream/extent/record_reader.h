#pragma once
// Records of an extent stream, one at a time, whole and checked against their checksum; not yet against each other.

#include "extent/stream_format.h"
#include "io/buffered_reader.h"

namespace hx {

struct Record {
  uint64_t position = 0;  // of its header in the stream
  Tag tag{};
  uint64_t disk = 0, offset = 0, length = 0;
  Buffer data;          // the payload of DATA
  std::string payload;  // of any other
};

// One thread. Errors name the stream and the position of the record.
class RecordReader {
 public:
  RecordReader(ByteReader&, BufferPool&, ByteSpan already_read);

  // Once, before all else. The JSON of the preamble.
  Result<Json> read_preamble();
  // The next record that this version knows; optional ones are checked, counted and skipped. The end of the stream is
  // kDamaged: only the caller knows when there may be one.
  Result<Record> read_record();
  // Nothing may follow.
  Status expect_end();

  // An Error about the record at `position`.
  Error fault(uint64_t position, std::string_view what) const;
  // The JSON object that is a record's payload, or a part of it.
  Result<Json> parse(uint64_t position, std::string_view json) const;
  uint64_t records() const { return records_; }  // read so far, skipped ones included

 private:
  Error cut_short(uint64_t position, std::string_view where) const;
  Status read_exactly(uint64_t position, MutableByteSpan out, std::string_view where);

  BufferedReader in_;
  BufferPool& pool_;
  uint64_t records_ = 0;
};

}  // namespace hx
