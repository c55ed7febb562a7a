#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "io/byte_io.h"

namespace hx {

// A dirty bitmap that is kept in an image.
struct Qcow2Bitmap {
  std::string name;
  uint64_t granularity = 0;      // bytes
  bool is_recording = false;     // whoever writes to the image goes on with it
  bool is_inconsistent = false;  // it was not saved; or somebody wrote who does not know bitmaps
};
struct Qcow2Bitmaps {
  uint64_t disk_size = 0;
  std::vector<Qcow2Bitmap> bitmaps;
};

// Of an image that read_image_header() accepts as qcow2. kDamaged: malformed.
Result<Qcow2Bitmaps> read_qcow2_bitmaps(const RandomReader&);

}  // namespace hx
