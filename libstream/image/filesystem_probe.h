#pragma once
// The name of the file system on a disk, by its superblock: a word for the people who read a snapshot's header. Nothing
// is ever decided by it.

#include <string>
#include <vector>

#include "base/result.h"
#include "extent/disk_reader.h"

namespace hx {

constexpr size_t kProbeSize = 128 * kKiB;  // the first bytes of a disk that are looked at (btrfs lies at 64 KiB)

// ext2, ext3, ext4, xfs, btrfs, vfat, ntfs, swap or LVM2_member, as blkid(8) calls them; "" for anything else, and for
// a disk with a partition table, whatever else may still lie on it. Fewer bytes than kProbeSize: a smaller disk.
std::string probe_filesystem(ByteSpan first_bytes);
Result<std::string> probe_filesystem(const DiskReader&);

// The same for who sees a disk's extents pass, in any order. One thread.
class FilesystemProbe {
 public:
  void see(const Extent&);
  std::string name() const { return probe_filesystem(first_); }

 private:
  std::vector<std::byte> first_;
};

}  // namespace hx
