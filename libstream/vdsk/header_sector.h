#pragma once
#include <optional>
#include <string>
#include <vector>

#include "image/qcow2_header.h"

namespace hx {

// The first 512 bytes of a qcow2 file that is to be as a header says, and what must be on disk before them.
struct HeaderSector {
  std::vector<std::byte> bytes;
  // A new backing file's name that has no room in there: where nothing lies now.
  std::optional<uint64_t> name_offset;
  std::string name;
};
constexpr uint64_t kHeaderSectorSize = 512;

// now: as the file is. Of next counts what a change of tables changes, and the backing file; with another one the
// header's extensions are written anew, without the names of features, which only tell people. kUnsupported: they, or
// the name, do not fit.
Result<HeaderSector> header_sector(const RandomReader&, const Qcow2Header& now, const Qcow2Header& next);

}  // namespace hx
