#pragma once
// A raw disk in anything that can be read at any place: an object of a store, a file on a server.

#include <memory>
#include <string>

#include "extent/disk_reader.h"
#include "io/byte_io.h"

namespace hx {

struct RawObjectOptions {
  std::string disk_name;            // for DiskInfo::name
  std::string consistency;          // for DiskInfo::consistency: "none" where nothing proves that it did not change
  std::string validator, identity;  // for DiskInfo
  uint64_t grain = 4 * kMiB;        // one request; a power of two, at least kMaxPayload
  int readers = 8;                  // requests at once: each may be slow, by its way or by a cap
};
// All of it is data in the map: where it is allocated is not known, zeros are seen when they are read.
Result<std::shared_ptr<DiskReader>> raw_disk_in(std::shared_ptr<const RandomReader>, const RawObjectOptions&);

// "/srv/web-01.img" → "web-01"; other suffixes belong to the name ("web-01.example.org").
std::string disk_name_of(std::string_view path);

}  // namespace hx
