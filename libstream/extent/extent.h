#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "hash/digest.h"
#include "io/buffer_pool.h"
#include "io/byte_io.h"

namespace hx {

// What is known of a part of a virtual disk. absent: only in a delta, and means "ask the parent", never zero.
enum class Kind : uint8_t { kData = 0, kZero = 1, kAbsent = 2 };
const char* kind_name(Kind);

// Payload of one extent is at most this, and never crosses a multiple of it, so that it can be read straight into the
// buffer of a chunk.
constexpr uint64_t kMaxPayload = kMiB;
// The size of a disk that is only known at its end (raw bytes from a pipe): DiskTotals::size then has it.
constexpr uint64_t kUnknownSize = ~uint64_t{0};

// [offset, offset + length) of a virtual disk; in bytes.
struct Range {
  uint64_t offset = 0, length = 0;
  uint64_t end() const { return offset + length; }
  bool operator==(const Range&) const = default;
};

struct Extent {
  uint64_t offset = 0, length = 0;
  Kind kind = Kind::kZero;
  Buffer data;           // data.size() == length iff kind == kData, else empty
  FilePlace place = {};  // where the same data lies in a file; valid until the source goes on to its next disk
  uint64_t end() const { return offset + length; }
};
// Whether a name is safe as the last part of a path and in a message: 1 to 255 bytes, no '/', no control character, not
// "." or "..". Keys and names of disks and of machine files are such names.
bool is_leaf_name(std::string_view);
// The nearest such name: "_" for what may not stand in it, "disk" for nothing.
std::string to_leaf_name(std::string_view text);

// A small file that belongs to the disk's machine: OVF, VMX, domain XML, NVRAM.
struct MachineFile {
  std::string name;     // a leaf name
  std::string content;  // at most 16 MiB
};

enum class DiskKind : uint8_t { kFull, kPart, kDelta };

// Where a disk goes on that another stream was cut off in: what is before `from` is in the sink that has this state.
struct ResumePoint {
  uint64_t from = 0;
  std::string state;
  bool operator==(const ResumePoint&) const = default;
};

// What a whole chunk of a delta's disk is, where its source has read all of it.
struct ChunkDigest {
  Range chunk;
  Digest digest;
  bool operator==(const ChunkDigest&) const = default;
};

// What a source says of a disk, and a snapshot keeps of it. Strings are empty where unknown.
struct DiskInfo {
  std::string key;   // a leaf name, unique in its stream: "disk0", "2000"
  std::string name;  // for people and file names: "web-01"; a leaf name, or empty
  uint64_t size = 0;
  DiskKind kind = DiskKind::kFull;
  std::vector<Range> ranges;  // what is covered; empty = the whole disk
  std::string state, parent_state, change_token, parent_change_token;
  std::string consistency;  // "" = proven unchanged while read; "none" = the source was in use (--force)
  std::vector<MachineFile> files;
  // What the source will prove this state with when it is asked to go on, and which source it is: opaque here, text of
  // hx-checkpoint(5), FILE and SECRETS.
  std::string validator = {}, identity = {};
  std::optional<ResumePoint> resume = {};  // of a full disk: only [from, size) comes
  uint32_t chunk_size = 0;                 // of a delta: that of the snapshot it builds on; 0: not known
};

// What a source says at the end of a disk.
struct DiskTotals {
  uint64_t size = 0;  // of the virtual disk
  uint64_t data_bytes = 0, zero_bytes = 0;
  std::optional<Digest> image_digest = {};  // where the source computed it
  // Identity of the digest tree of the disk in chunks of DiskInfo::chunk_size (mirn(5)), where the source knows it.
  std::optional<Digest> tree = {};
};

}  // namespace hx
