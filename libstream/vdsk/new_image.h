#pragma once
#include "image/qcow2_header.h"
#include "vdsk/disk_file.h"

namespace hx {

struct NewImage {
  uint64_t size = 0;  // of the disk, bytes; a multiple of 512
  uint32_t version = 3, cluster_bits = 16, refcount_order = 4;
  std::string backing_name;  // as it is to stand there; empty: none
  ImageFormat backing_format = ImageFormat::kQcow2;
};
// An empty file becomes a qcow2 in which nothing is allocated. kUnsupported: more L1 than QEMU takes, a name of more
// than 1023 bytes, or one that does not fit the first cluster.
Status write_new_image(DiskFile&, const NewImage&);

}  // namespace hx
