#pragma once
// The bytes of an extent stream: hx-stream(5), LAYOUT. Structs, constants, and the JSON of a disk.

#include "base/endian.h"
#include "base/json_fwd.h"
#include "extent/extent.h"

namespace hx {

constexpr char kStreamMagic[8] = {'H', 'X', 'S', 'T', 'R', 'E', 'A', 'M'};
constexpr uint32_t kStreamVersion = 1;
constexpr uint64_t kMaxJson = kMiB;
constexpr uint64_t kMaxStreamDisks = 65536;
constexpr uint64_t kMaxFileName = 1024;           // of the JSON in front of a piece of a FILE
constexpr uint64_t kMaxFileContent = 16 * kMiB;   // of one file
constexpr uint64_t kMaxFilesContent = 64 * kMiB;  // of all files of a disk
constexpr uint64_t kMaxFiles = 1024;              // of a disk
constexpr uint64_t kMaxDigestedChunk = 4 * kMiB;
constexpr uint64_t kMaxDiskSize = (uint64_t{1} << 63) - 1;  // off_t

struct StreamPreamble {  // then the JSON, then Le32: low 32 bits of the XXH3 of all before
  char magic[8];
  Le32 version, json_length;
};
static_assert(sizeof(StreamPreamble) == 16);

struct RecordHeader {  // then payload_length bytes
  Le32 tag, disk;
  Le64 offset, length;
  Le32 payload_length;
  Le32 checksum;  // low 32 bits of the XXH3 of the header's first 28 bytes and the payload
};
static_assert(sizeof(RecordHeader) == 32);
constexpr size_t kChecksummedHeader = 28;

// A tag is four letters in the file, so that a dump can be read.
constexpr uint32_t record_tag(const char (&text)[5]) {
  uint32_t tag = 0;
  for (int i = 3; i >= 0; --i) tag = tag << 8 | static_cast<uint8_t>(text[i]);
  return tag;
}
enum class Tag : uint32_t {
  kDisk = record_tag("DISK"),
  kFile = record_tag("FILE"),
  kData = record_tag("DATA"),
  kZero = record_tag("ZERO"),
  kDigest = record_tag("DGST"),
  kDone = record_tag("DONE"),
  kEnd = record_tag("END "),
  kAbort = record_tag("ABRT"),
};
constexpr uint32_t kFirstOptionalTag = 0x80000000;  // from here on: skipped by who does not know them

// The checksum that belongs to this header (its own field is not looked at) and payload.
uint32_t record_checksum(const RecordHeader&, ByteSpan payload);

// What of a DiskInfo stands in its DISK record: all but the files. decode: kDamaged naming the key that is missing or
// breaks a rule.
Json encode_disk(const DiskInfo&);
Result<DiskInfo> decode_disk(const Json&);
// What DISK must obey: names, size, ranges ascending and within the size, and what the kind allows.
Status check_disk(const DiskInfo&);

}  // namespace hx
