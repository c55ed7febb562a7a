#pragma once
// What must be remembered to go on later, as a value: hx-checkpoint(5). Its text is checkpoint/sidecar_text, its file
// checkpoint/sidecar_file, how it is kept true while files are written checkpoint/running_checkpoint.

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "checkpoint/durable_ranges.h"
#include "checkpoint/validator.h"
#include "hash/digest.h"
#include "hash/sha256_state.h"

namespace hx {

using WallTime = std::chrono::system_clock::time_point;

enum class FileStatus : uint8_t {
  kPending,      // not begun
  kDownloading,  // begun: ranges are on disk, under the name path.part
  kCompleted,    // all of it is there, under its name
  kFailed,       // begun, and given up in that run; will be tried again
};
const char* file_status_name(FileStatus);
std::optional<FileStatus> parse_file_status(std::string_view);

// The SHA-256 of a file's, or a disk's, first bytes, so that it is gone on with and not computed again.
struct PrefixDigest {
  Sha256State state;
  Digest digest;  // of these state.length bytes: what `head -c LENGTH | sha256sum` says; and what the state must give
  bool operator==(const PrefixDigest&) const = default;
};
PrefixDigest prefix_digest(const Sha256State&);
// Whether the state gives the digest: one that was damaged does not.
bool is_consistent(const PrefixDigest&);

// Where a file comes from. No secret: what is given here is stored as checkpoint/stored_location makes it.
struct FileSource {
  std::string location;                 // for people
  std::optional<Digest> identity;       // location_identity() of the location
  std::string change_token, object_id;  // the provider's, opaque
  bool operator==(const FileSource&) const = default;
};

// How far a disk is sealed in a snapshot that is being written: what a resume token is made of. One of a file's.
struct SealedDisk {
  std::string key, name;         // as the stream calls it
  std::optional<uint64_t> size;  // of the disk; not known yet: nullopt
  uint64_t from = 0;             // all before it is durable: a multiple of chunk_size, or the size
  uint32_t chunk_size = 0;
  Digest tree;        // identity of the digest tree over [0, from), with size = from (mirn(5), DIGEST TREE)
  std::string state;  // the UUID that the snapshot will have
  std::optional<PrefixDigest> image_digest;  // of the image; its length is at most `from`
  // What the tree goes on with (hash/digest_tree), where its leaves are not kept elsewhere; else empty.
  std::vector<Digest> subtrees = {};
  bool operator==(const SealedDisk&) const = default;
};

struct FileCheckpoint {
  std::string path;  // in the output directory: relative, is_stored_path()
  std::string url;   // stored as stored_location()
  std::optional<uint64_t> total_size;
  uint64_t downloaded_size = 0;  // of a file with ranges, their sum
  std::string checksum;          // SHA-256 of the whole file, 64 digits, or empty
  FileStatus status = FileStatus::kPending;
  WallTime last_modified;
  uint32_t retry_count = 0;
  // What the original does not have, and ignores:
  DurableRanges ranges;  // durably on disk
  Validator validator;
  std::optional<PrefixDigest> partial;  // of the file; its length is at most ranges.prefix_end()
  FileSource source;
  std::optional<SealedDisk> disk;
  // The ranges are of a target that existed before, not of a .part: which one, so that another one under its name is
  // told apart. "file:DEVICE INODE", "device:SIZE", "nbd:" and a location_identity(). Else empty.
  std::string in_place;

  bool operator==(const FileCheckpoint&) const = default;
};

struct Checkpoint {
  std::string vm_name, provider, export_format, output_path;
  WallTime created_at, updated_at;
  std::vector<FileCheckpoint> files;  // paths are unique
  std::map<std::string, std::string> metadata;

  bool operator==(const Checkpoint&) const = default;
  FileCheckpoint* find(std::string_view path);
  const FileCheckpoint* find(std::string_view path) const;
  bool is_complete() const;  // there are files, and all are completed
  double progress() const;   // 0 to 1, of bytes whose number is known
};

// Whether a path can be an entry's: relative, UTF-8, at most 4096 bytes, no part "." or ".." or empty, no control
// character: what is under it never leads out of the directory.
bool is_stored_path(std::string_view);

// In what the old checkpoint is another export's than the new one: "vm_name", "provider", "export_format",
// "output_path"; empty if it is the same.
std::string difference_of(const Checkpoint& old, const Checkpoint& wanted);

}  // namespace hx
