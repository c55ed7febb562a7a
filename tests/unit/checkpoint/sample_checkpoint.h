#pragma once
#include <algorithm>

#include "checkpoint/checkpoint.h"
#include "hash/tree_hasher.h"

namespace hx::test {

inline WallTime at_second(int64_t second) { return WallTime(std::chrono::seconds(second)); }

// Every status, every key of ours.
inline Checkpoint sample_checkpoint() {
  Checkpoint checkpoint{.vm_name = "web-01",
                        .provider = "https",
                        .export_format = "raw",
                        .output_path = "/backups",
                        .created_at = at_second(1769903999),
                        .updated_at = at_second(1769904999),
                        .files = {},
                        .metadata = {{"tool", "hx-export"}}};
  FileCheckpoint file;
  file.last_modified = at_second(1769904000);
  file.path = "pending.img";
  checkpoint.files.push_back(file);

  file.path = "dir/part.img";
  file.url = "https://host/part.img";
  file.total_size = 1000;
  file.status = FileStatus::kDownloading;
  file.ranges.add(0, 200);
  file.ranges.add(500, 600);
  file.downloaded_size = 300;
  file.retry_count = 2;
  file.validator = {ValidatorKind::kEtag, "\"abc\""};
  ResumableSha256 hasher;
  hasher.update_zeros(200);
  file.partial = prefix_digest(hasher.state());
  file.source = {"https://host/part.img", Digest{}, "52 de/7", "vm-17"};
  checkpoint.files.push_back(file);

  FileCheckpoint whole;
  whole.path = "done.img";
  whole.last_modified = at_second(1769904000);
  whole.total_size = 5;
  whole.downloaded_size = 5;
  whole.checksum = Digest{}.hex();
  whole.status = FileStatus::kCompleted;
  checkpoint.files.push_back(whole);

  FileCheckpoint packed;
  packed.path = "vm.mirn";
  packed.last_modified = at_second(1769904000);
  packed.status = FileStatus::kFailed;
  packed.ranges.add(0, 77);
  packed.downloaded_size = 77;
  hasher.update_zeros(1 << 20);
  packed.disk =
      SealedDisk{"disk0", "web", 3 << 20, 2 << 20, 1 << 20, Digest{}, "state-uuid", prefix_digest(hasher.state())};
  checkpoint.files.push_back(packed);

  FileCheckpoint restored;
  restored.path = "old.img";
  restored.last_modified = at_second(1769904000);
  restored.total_size = 5 << 20;
  restored.status = FileStatus::kDownloading;
  restored.ranges.add(0, 3 << 20);
  restored.downloaded_size = 3 << 20;
  restored.in_place = "file:2049 77";
  TreeHasher tree(1 << 20);
  tree.update_zeros(3 << 20);
  restored.disk = SealedDisk{.key = "disk1",
                             .name = "",
                             .size = 5 << 20,
                             .from = 3 << 20,
                             .chunk_size = 1 << 20,
                             .tree = tree.tree().identity(3 << 20),
                             .state = "state-uuid",
                             .image_digest = {},
                             .subtrees = tree.tree().subtrees()};
  checkpoint.files.push_back(restored);
  return checkpoint;
}

}  // namespace hx::test
