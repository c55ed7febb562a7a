#pragma once
// What a checkpoint says, against the files that are there.

#include <string>
#include <vector>

#include "checkpoint/checkpoint.h"

namespace hx {

enum class CheckDepth : uint8_t {
  kSizes,      // existence and size
  kChecksums,  // also SHA-256, of whole files and of the first bytes of partial ones: everything is read
};

struct FileFinding {
  std::string path;
  FileStatus status = FileStatus::kPending;
  bool holds = false;     // what the entry says is on disk, is; else the file is to be fetched again
  bool is_whole = false;  // it is under its final name: nothing is left to do but to say so
  std::string message;    // "53687091200 bytes", "is missing", "has 15 bytes instead of 20"
};

// A completed file: there, of its size, with its checksum. One that was begun: NAME.part reaches to the end of its
// ranges, and its first bytes have the digest; or it is under its final name, where only the last save() is missing. An
// entry without ranges claims nothing. A target in place must reach to the end of its ranges.
FileFinding check_file(const FileCheckpoint&, const std::string& directory, CheckDepth);
std::vector<FileFinding> check_files(const Checkpoint&, const std::string& directory, CheckDepth);

}  // namespace hx
