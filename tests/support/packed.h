#pragma once
// Disks packed into snapshots in memory, in every way a tool may do it.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "extent/pump.h"
#include "extent/read_ahead.h"
#include "io/fd_io.h"
#include "snapshot/seal.h"
#include "snapshot/snapshot_output.h"
#include "snapshot/snapshot_sink.h"

namespace hx::test {

// A file without a name; path() opens it again.
class MemoryFile {
 public:
  explicit MemoryFile(std::string_view content = "") : fd_(::memfd_create("test", MFD_CLOEXEC)) {
    (void)write_fd(fd_.get(), "memory", 0, as_bytes(content));
    ::lseek(fd_.get(), 0, SEEK_SET);
  }
  int fd() const { return fd_.get(); }
  std::string path() const { return "/proc/self/fd/" + std::to_string(fd_.get()); }
  std::string content() const {
    std::string text(static_cast<size_t>(::lseek(fd_.get(), 0, SEEK_END)), '\0');
    text.resize(pread_fd(fd_.get(), "memory", 0, std::as_writable_bytes(std::span(text))).value());
    return text;
  }

 private:
  UniqueFd fd_;
};

// The ways around the header that comes first.
enum class Way { kRewriting, kSpooling, kUnsealed, kSealedLater };
enum class Path { kPut, kPutDisk };  // as a stream of extents, or as a disk that can be read at any place

struct Packed {
  std::string bytes;
  PackTotals totals;
};

inline Status pack_into(SnapshotSink& sink, const std::shared_ptr<const DiskReader>& disk, Path path) {
  ExtentList map = HX_TRY(disk->map(0, disk->info().size));
  if (path == Path::kPutDisk) {
    HX_TRY(sink.put_disk(*disk, map, nullptr, nullptr));
  } else {
    const auto source = read_ahead(disk, std::move(map), {});
    HX_TRY(pump(*source, sink, {}));
  }
  return sink.commit();
}

inline Result<Packed> pack(const std::shared_ptr<const DiskReader>& disk, PackOptions options,
                           Way way = Way::kRewriting, Path path = Path::kPut) {
  if (options.timestamp.empty()) options.timestamp = "2026-11-21T12:00:00Z";
  if (options.created_by.empty()) options.created_by = "test";
  if (way == Way::kSealedLater) options.image_digest = ImageDigest::kNone;
  MemoryFile file;
  Packed packed;
  {
    std::unique_ptr<SnapshotOutput> output;
    if (way == Way::kUnsealed)
      output = unsealed_output(file.fd(), "packed");
    else if (way == Way::kSpooling)
      output = HX_TRY(spooling_output(file.fd(), "packed", "/var/tmp"));
    else
      output = HX_TRY(rewriting_output(file.fd(), "packed"));
    const auto sink = snapshot_sink(*output, options);
    HX_TRY(pack_into(*sink, disk, path));
    packed.totals = sink->totals();
  }
  if (way == Way::kSealedLater) HX_TRY(seal_snapshot(file.path(), 2, nullptr));
  packed.bytes = file.content();
  return packed;
}

}  // namespace hx::test
