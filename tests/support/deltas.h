#pragma once
// Deltas in memory: made from seeds, packed, and read as the tools read them.

#include <random>

#include "snapshot/snapshot_reader.h"
#include "snapshot/snapshot_source.h"
#include "support/collected.h"
#include "support/dribble.h"
#include "support/memory_disk.h"
#include "support/packed.h"

namespace hx::test {

// `count` extents of 1 byte to `longest`, data and zero, anywhere.
inline std::vector<MapEntry> random_extents(uint64_t size, size_t count, uint64_t longest, uint32_t seed) {
  std::mt19937 random(seed);
  const uint64_t share = size / count;
  std::vector<MapEntry> entries;
  for (size_t i = 0; i < count; ++i) {
    const uint64_t length = 1 + random() % std::min(longest, share),
                   offset = i * share + random() % (share - length + 1);
    entries.push_back({offset, length, random() % 3 == 0 ? Kind::kZero : Kind::kData});
  }
  return entries;
}
// A delta of these extents, with pattern data of its seed.
inline std::shared_ptr<MemoryDisk> delta_disk(uint64_t size, const std::vector<MapEntry>& extents, uint64_t seed = 7,
                                              const std::string& parent = "base", const std::string& state = "new") {
  auto disk = std::make_shared<MemoryDisk>(size, extents, seed, DiskKind::kDelta);
  disk->mutable_info().state = state;
  disk->mutable_info().parent_state = parent;
  return disk;
}
// What a delta says of the disk, '?' where it says nothing.
inline std::string said_by(const MemoryDisk& delta) {
  std::string text(delta.info().size, '?');
  const ExtentList map = delta.whole_map();
  for (const MapEntry& entry : map.entries())
    if (entry.kind != Kind::kAbsent) text.replace(entry.offset, entry.length, delta.text(entry.offset, entry.length));
  return text;
}
inline std::string put_over(std::string image, const MemoryDisk& delta) {
  const ExtentList map = delta.whole_map();
  for (const MapEntry& entry : map.entries())
    if (entry.kind != Kind::kAbsent) image.replace(entry.offset, entry.length, delta.text(entry.offset, entry.length));
  return image;
}

// Text that outlives its reader.
inline std::shared_ptr<const RandomReader> file_of(const std::string& bytes, const std::string& name = "file") {
  struct Kept : RandomReader {
    Kept(std::string text, const std::string& name) : bytes(std::move(text)), reader(as_bytes(bytes), name) {}
    Result<uint64_t> size() const override { return reader.size(); }
    Status read_at(uint64_t offset, MutableByteSpan out) const override { return reader.read_at(offset, out); }
    const std::string& name() const override { return reader.name(); }
    std::string bytes;
    MemoryReader reader;
  };
  return std::make_shared<Kept>(bytes, name);
}

// By place: the whole index, then all that it says.
inline Result<std::string> said_by_place(const std::string& bytes) {
  const auto reader = HX_TRY(SnapshotReader::open(file_of(bytes)));
  HX_TRY(reader->verify_index());
  std::string text(reader->info().size, '?');
  HX_TRY(reader->overlay(0, std::as_writable_bytes(std::span(text))));
  return text;
}
inline Result<CollectedDisk> collected_in_sequence(const std::string& bytes, size_t step = 4999) {
  Dribble pipe(as_bytes(bytes), step);
  const SnapshotHeader header = HX_TRY(read_header(pipe));
  if (!header.hx) return damaged("no index");
  const auto source = indexed_source(pipe, header, 2);
  std::vector<CollectedDisk> disks = HX_TRY(collect(*source));
  return std::move(disks.at(0));
}

}  // namespace hx::test
