#pragma once
// LOCATION: where a disk is, as text. hx(7), LOCATIONS.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "extent/disk_reader.h"
#include "image/raw_disk.h"

namespace hx {

enum class LocationKind : uint8_t {
  kPath,   // a file or block device
  kWord,   // a file of the current directory if there is one, else an alias
  kAlias,  // "disk:NAME"
  kLater,  // a scheme that is reserved for a source which this version does not have
};
struct DiskLocation {
  LocationKind kind = LocationKind::kPath;
  std::string name;    // the path or alias
  std::string scheme;  // "nbd", "s3": of kLater
};
// By its form alone. "./nbd:x" is always a path.
DiskLocation parse_location(std::string_view text);

// The suffix of a disk image format that is not raw (".qcow2"), or "". "disk.qcow2#snapshot=a" has it too.
std::string image_suffix(std::string_view path);

enum class ImageFormat : uint8_t {
  kBySuffix,  // raw unless the name has the suffix of another format; what is inside never decides: a guest writes that
  kRaw,
};
struct LocationOptions {
  ImageFormat format = ImageFormat::kBySuffix;
  InUse in_use = InUse::kRefuse;
  std::string sources_path = {};  // of the aliases; empty: default_sources_path()
};

struct LocatedDisk {
  std::shared_ptr<DiskReader> reader;
  std::string name;  // an alias that stands for one disk, else as the reader says
};
// Opens what one LOCATION names: one disk, or several where it is such an alias. kUnsupported: a scheme or format that
// this version does not have. kUsage: no such file or alias.
Result<std::vector<LocatedDisk>> open_location(const std::string& text, const LocationOptions&);

}  // namespace hx
