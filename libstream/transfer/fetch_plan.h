#pragma once
// What hx-fetch will read, decided before the first byte of it is.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "extent/extent_source.h"
#include "extent/read_ahead.h"
#include "providers/provider_list.h"

namespace hx {

struct FetchRequest {
  std::vector<std::string> locations;
  LocationOptions location;
  // Only these bytes: what all of the two have that are given. Of one disk only.
  std::vector<Range> ranges;          // in any order; one that the disk has not is kUsage
  std::optional<ExtentList> extents;  // where it says data or zero; clipped to the disk
  std::string name;                   // instead of the disk's own; of one disk only
  std::vector<MachineFile> files;     // go with the first disk
};

struct DiskToFetch {
  std::shared_ptr<DiskReader> reader;
  ExtentList what;  // its map, of the bytes that will be read
  std::string key;  // "disk0", "disk1", …
  std::string name;
  std::vector<MachineFile> files;
  std::optional<ResumePoint> resume = {};  // `what` begins there
  std::string parent_state = {};           // of a delta, instead of what the reader says; empty: that
};

// Opens the disks and maps them. No content is read.
Result<std::vector<DiskToFetch>> plan_fetch(FetchRequest);
// Reads them, one after another.
std::unique_ptr<ExtentSource> fetch_source(std::vector<DiskToFetch>, const ReadAheadOptions&);

// --extents: a map in any form that extent/map_text.h reads, from a file, or from stdin for "-".
Result<ExtentList> read_extents(const std::string& path);
// --file: kUnsupported above 16 MiB.
Result<MachineFile> read_machine_file(const std::string& path);

}  // namespace hx
