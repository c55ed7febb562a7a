#include "snapshot/seal.h"

#include <fcntl.h>

#include <cerrno>

#include "extent/read_ahead.h"
#include "hash/sha256.h"
#include "io/fd_io.h"
#include "snapshot/snapshot_reader.h"

namespace hx {
Result<Digest> digest_of_image(const std::shared_ptr<const SnapshotReader>& reader, int threads, Progress* progress) {
  ExtentList map = HX_TRY(reader->map(0, reader->info().size));
  DiskProgress* shown = progress ? &progress->add_disk(reader->info().name, reader->info().size) : nullptr;
  const auto source = read_ahead(reader, std::move(map), {.threads = threads, .detect_zeros = false});
  Sha256 hasher;
  HX_TRY(source->next_disk());
  while (const auto extent = HX_TRY(source->next())) {
    if (extent->kind == Kind::kData)
      hasher.update(extent->data.bytes());
    else
      hasher.update_zeros(extent->length);
    if (shown) shown->covered += extent->length;
    if (shown && extent->kind == Kind::kData) shown->moved += extent->length;
  }
  if (shown) shown->finished = true;
  return hasher.finish();
}

Result<SealOutcome> seal_snapshot(const std::string& path, int threads, Progress* progress) {
  auto writable = open_fd(path, O_RDWR);
  UniqueFd fd = writable ? std::move(*writable) : HX_TRY(open_fd(path, O_RDONLY));
  const int writing = fd.get();
  const auto file = std::make_shared<FileReader>(std::move(fd), path);
  const std::shared_ptr<const SnapshotReader> reader = HX_TRY(SnapshotReader::open(file));
  if (reader->header().hx->sealed) return SealOutcome::kWasSealed;
  if (!writable) return std::move(writable).error();
  HX_TRY(reader->verify_index());

  const Directory& directory = reader->directory();
  SnapshotHeader header = reader->header();
  header.checksum =
      directory.image_digest ? *directory.image_digest : HX_TRY(digest_of_image(reader, threads, progress));
  header.hx->sealed = true;
  header.hx->seal = seal_of(directory.tree, header.checksum);
  const std::string bytes = encode_header(header, header.bytes.size());
  // What we encode must be the same header but for the seal, or the directory's digest of it would no longer hold.
  if (bytes.size() != header.bytes.size() || unsealed_form(bytes) != header.bytes)
    return unsupported(path + ": its header was written by another version: it cannot be sealed in place");
  HX_TRY(pwrite_fd(writing, path, 0, as_bytes(bytes)));
  if (fsync(writing) < 0) return system_error(errno, path + ": fsync");
  return SealOutcome::kSealed;
}

}  // namespace hx
