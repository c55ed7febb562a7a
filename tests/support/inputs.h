#pragma once
// What hx-restore and hx-info may be given, in files and in pipes.

#include <fcntl.h>
#include <unistd.h>

#include "extent/stream_writer.h"
#include "support/collected.h"
#include "support/memory_disk.h"
#include "support/packed.h"
#include "support/temporary_directory.h"
#include "transfer/snapshot_input.h"

namespace hx::test {

// A pipe that holds these bytes (at most 64 KiB) and ends.
class FullPipe {
 public:
  explicit FullPipe(const std::string& bytes) {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) std::abort();
    reading_.reset(fds[0]);
    const UniqueFd writing(fds[1]);
    (void)write_fd(writing.get(), "pipe", 0, as_bytes(bytes));
    path_ = "/proc/self/fd/" + std::to_string(reading_.get());
  }
  const std::string& path() const { return path_; }

 private:
  UniqueFd reading_;
  std::string path_;
};

// 300000 bytes, 20 of them data, and a machine file.
inline std::shared_ptr<MemoryDisk> sample_disk() {
  auto disk =
      std::make_shared<MemoryDisk>(300000, std::vector<MapEntry>{{100, 10, Kind::kData}, {150000, 10, Kind::kData}});
  disk->mutable_info().name = "web-01";
  disk->mutable_info().state = "11111111-2222-4333-8444-555555555555";
  disk->mutable_info().files = {{"vm.vmx", "x=1\n"}};
  return disk;
}
inline std::string sample_snapshot(Way way = Way::kRewriting) {
  PackOptions options;
  options.chunk_size = 64 * kKiB;
  options.filesystem = "ext4";
  return pack(sample_disk(), options, way).value().bytes;
}
inline std::string stream_of_disks(int count) {
  MemoryWriter out;
  auto writer = stream_writer(out, static_cast<uint64_t>(count));
  for (int i = 0; i < count; ++i) {
    auto disk = sample_disk();
    disk->mutable_info().key = "disk" + std::to_string(i);
    (void)pump(*read_ahead(disk, disk->whole_map(), {}), *writer, {});
  }
  (void)writer->commit();
  return out.bytes();
}
inline std::string golden(const std::string& name) {
  return read_file(HX_TESTS_DIR "/golden/mirn-v1/" + name + ".mirn");
}

}  // namespace hx::test
