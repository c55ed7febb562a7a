#pragma once
// LOCATION: where a disk is, as text. hx(7), LOCATIONS.

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "image/image_header.h"
#include "image/qcow2_snapshots.h"

namespace hx {

enum class LocationKind : uint8_t {
  kPath,    // a file or block device
  kWord,    // a file of the current directory if there is one, else an alias
  kAlias,   // "disk:NAME"
  kScheme,  // of a provider, or reserved for one
};
struct DiskLocation {
  LocationKind kind = LocationKind::kPath;
  std::string name;    // the path or alias
  std::string scheme;  // "nbd", "s3": of kScheme
};
// By its form alone. "./nbd:x" is always a path.
DiskLocation parse_location(std::string_view text);

// The suffix of a disk image format that is not raw (".qcow2"), or "". "disk.qcow2#snapshot=a" has it too.
std::string image_suffix(std::string_view path);

// "disk.qcow2#snapshot=mon" names a snapshot in an image by its name or id, "#snapshot-id=3" by nothing but its id.
struct PathAndSnapshot {
  std::string path;
  std::optional<SnapshotName> snapshot;
};
PathAndSnapshot split_snapshot(const std::string& text);

// What a file or block device is taken as. kBySuffix: a block device, and a name without a suffix of an image format,
// is raw, whatever is in it; kUnsupported for a suffix whose format this version does not read.
Result<ImageFormat> format_of_file(const std::string& path, ImageFormat wanted);

}  // namespace hx
