#pragma once
// The one file that knows all providers: what a LOCATION names, opened. hx(7), LOCATIONS.

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "extent/disk_reader.h"
#include "extent/file_sink.h"
#include "image/image_header.h"
#include "image/raw_disk.h"
#include "io/byte_io.h"
#include "net/net_access.h"
#include "providers/change_tracking.h"

namespace hx {

struct LocationOptions {
  ImageFormat format = ImageFormat::kBySuffix;
  InUse in_use = InUse::kRefuse;
  std::vector<std::string> allow_backing = {};  // directories where an image's other files may lie, too
  std::string sources_path = {};                // of the aliases; empty: default_sources_path()
  std::shared_ptr<NetAccess> net = {};          // how servers are reached; null: with the default options
  TrackingOptions tracking = {};
};

struct LocatedDisk {
  std::shared_ptr<DiskReader> reader;
  std::string name;  // an alias that stands for one disk, else as the reader says
};
// Opens what one LOCATION names: one disk, or several where it is such an alias, or a machine. kUnsupported: a scheme
// or format that this version does not have. kUsage: no such file or alias. kFullRequired with a reason: the changes
// since a token cannot be had; "no-tracking": nothing tracks them there.
Result<std::vector<LocatedDisk>> open_location(const std::string& text, const LocationOptions&);

// How the disks of a machine are tracked, and what changed on them since the tokens that are of them; begin to, and
// stop. kUnsupported: nothing can track changes at that location.
Result<MachineTracking> tracking_of(const std::string& location, const std::vector<std::string>& tokens);
Status enable_tracking(const std::string& location, uint64_t granularity);
Status disable_tracking(const std::string& location);

// A file or block device by its path, never an alias or a scheme.
Result<std::shared_ptr<DiskReader>> open_disk_file(const std::string& path, const LocationOptions&);

// A new image of this format (providers/local/image_target.h).
Result<std::unique_ptr<FileSink>> open_image_sink(const std::string& path, ImageFormat, Overwrite);

// Whether a text is a URL of a file on a server ("https://…", "sftp://…", "s3://…"), and that file, whatever is in it:
// for snapshots, which prove their content themselves, but are of one state only if check_unchanged() says so.
bool is_remote_file(const std::string& text);
Result<std::shared_ptr<const RandomReader>> open_remote_file(const std::string& text, const LocationOptions&);

}  // namespace hx
