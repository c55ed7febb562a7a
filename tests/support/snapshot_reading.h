#pragma once
// Snapshots in memory, read as the tools read them.

#include "io/fd_io.h"
#include "snapshot/snapshot_reader.h"
#include "snapshot/snapshot_source.h"
#include "support/collected.h"
#include "support/dribble.h"

namespace hx::test {

// From a pipe: header, then the source that it asks for, to the proven end. Gives the image.
inline Result<std::string> read_in_sequence(std::string_view bytes, int threads = 1, size_t step = 64 * kKiB) {
  Dribble pipe(as_bytes(bytes), step);
  const SnapshotHeader header = HX_TRY(read_header(pipe));
  const auto source = header.hx ? indexed_source(pipe, header, threads) : plain_source(pipe, header);
  const std::vector<CollectedDisk> disks = HX_TRY(collect(*source));
  return disks.at(0).image();
}

// From a file, by place: index, then all data. One that has no index is read in sequence.
inline Result<std::string> read_by_place(std::string_view bytes) {
  const auto file = std::make_shared<MemoryReader>(as_bytes(bytes), "file");
  const SnapshotHeader header = HX_TRY(read_header(static_cast<const RandomReader&>(*file)));
  if (!header.hx) return read_in_sequence(bytes);
  const auto reader = HX_TRY(SnapshotReader::open(file, header));
  HX_TRY(reader->verify_index());
  std::string image(reader->info().size, '?');
  HX_TRY(reader->read_at(0, std::as_writable_bytes(std::span(image))));
  return image;
}

}  // namespace hx::test
