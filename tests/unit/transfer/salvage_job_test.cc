#include "transfer/salvage_job.h"

#include <catch2/catch.hpp>
#include <random>

#include "snapshot/heal.h"
#include "snapshot/snapshot_reader.h"
#include "support/inputs.h"
#include "support/saved.h"

using namespace hx;
using namespace hx::test;

namespace {

constexpr uint64_t kChunk = 64 * kKiB;

// Chunks of text, noise and zeros, and a short last one.
std::shared_ptr<MemoryDisk> small_disk(uint64_t count) {
  std::string text(count * kChunk - 1000, '\0');
  for (uint64_t i = 0; i < count; ++i) {
    if (i % 7 == 3) continue;
    const uint64_t length = std::min(kChunk, text.size() - i * kChunk);
    std::string chunk = pattern_text(i + 1, 0, i % 5 == 1 ? length : 40);
    while (chunk.size() < length) chunk += chunk.substr(0, std::min<size_t>(chunk.size(), length - chunk.size()));
    text.replace(i * kChunk, length, chunk);
  }
  auto disk = MemoryDisk::of_text(text);
  disk->mutable_info().files = {{"vm.vmx", "x=1\n"}};
  return disk;
}
std::string snapshot_of(const std::shared_ptr<MemoryDisk>& disk, int level = 3) {
  PackOptions options;
  options.chunk_size = kChunk;
  options.level = level;
  return pack(disk, options).value().bytes;
}

// Where the frames are in the file.
struct Frame {
  Range place, extent;
  Kind kind;
};
std::vector<Frame> frames_of(const std::string& bytes) {
  const MemoryFile file(bytes);
  const auto reader = SnapshotReader::open(std::make_shared<FileReader>(FileReader::open(file.path()).value())).value();
  std::vector<Frame> frames;
  for (size_t i = 0; i < reader->page_count(); ++i)
    for (const FrameEntry& entry : reader->page(i).value()->entries)
      frames.push_back({{reader->in_file(entry.position), entry.compressed_size}, entry.extent, entry.kind});
  return frames;
}
// The chunks whose frame holds one of these bytes.
RangeSet hit(const std::vector<Frame>& frames, const std::vector<uint64_t>& places) {
  std::vector<Range> ranges;
  for (const uint64_t place : places)
    for (const Frame& frame : frames)
      if (frame.kind == Kind::kData && frame.place.offset <= place && place < frame.place.end())
        ranges.push_back(frame.extent);
  return to_range_set(ranges);
}
// Everything but these ranges is as on the disk, and of these nothing was put.
bool is_image_without(const std::string& got, std::string image, const RangeSet& lost) {
  for (const Range& range : lost) image.replace(range.offset, range.length, range.length, '?');
  return got == image;
}

// Noise does not compress: in the middle of such a frame one byte is as good as any other.
uint64_t next_place(const std::vector<Frame>& frames, uint64_t at) {
  for (const Frame& frame : frames)
    if (frame.place.offset + 64 < at && at + 2000 < frame.place.end()) return at + 1499;
  return at + 1;
}
std::string flipped(std::string bytes, uint64_t at) {
  bytes[at] = static_cast<char>(bytes[at] ^ (1 << at % 8));
  return bytes;
}
// Nothing but this is said to be lost, and everything else is as on the disk.
void check_saved(const Result<Saved>& saved, const std::string& image, const RangeSet& lost) {
  if (!saved.ok()) FAIL("nothing was salvaged");
  if (saved.value().outcome.lost == lost && is_image_without(saved.value().image, image, lost)) return;
  CHECK(saved.value().outcome.lost == lost);
  CHECK(is_image_without(saved.value().image, image, lost));
}
Result<std::string> healed(const std::string& bad, const DiskReader* donor) {
  const MemoryFile to;
  HX_TRY(heal_snapshot(MemoryReader(as_bytes(bad)), donor, to.fd(), "healed"));
  return to.content();
}

}  // namespace

TEST_CASE("every byte damaged at a time: every other chunk is restored, exactly the rest is named", "[salvage]") {
  const auto disk = small_disk(9);
  const std::string image = disk->text(), good = snapshot_of(disk);
  const auto frames = frames_of(good);
  int harmless = 0;
  for (uint64_t at = 0; at < good.size(); at = next_place(frames, at)) {
    INFO("byte " << at << " of " << good.size());
    const auto saved = save(flipped(good, at), image.size());
    // A bit that zstd does not look at does no harm: the content has its digest.
    const RangeSet lost = hit(frames, {at});
    const bool does_no_harm = !lost.empty() && saved.ok() && saved.value().outcome.lost.empty();
    harmless += does_no_harm;
    check_saved(saved, image, does_no_harm ? RangeSet() : lost);
  }
  CHECK(harmless < 10);
}

TEST_CASE("a byte damaged at a time: the snapshot is healed", "[salvage][heal]") {
  const auto disk = small_disk(9);
  const std::string good = snapshot_of(disk);
  const auto frames = frames_of(good);
  const uint64_t machine_file = good.find("x=1\n");
  REQUIRE(machine_file != std::string::npos);
  // Each seventh, as healing tries much where the index is hit: 2 minutes for all of them under the sanitizers.
  for (uint64_t at = 0; at < good.size(); at = at < 500 ? at + 41 : next_place(frames, at + 6)) {
    INFO("byte " << at << " of " << good.size());
    const auto again = healed(flipped(good, at), disk.get());
    // That only stands once, but for its digest.
    if (machine_file <= at && at < machine_file + 4)
      CHECK_FALSE(again.ok());
    else if (!again.ok() || again.value() != good)
      CHECK((again.ok() && again.value() == good));
  }
}

TEST_CASE("random damage: what is said to be lost is exactly what is not restored, and lies in damaged frames",
          "[salvage]") {
  const auto disk = small_disk(200);
  const std::string image = disk->text(), good = snapshot_of(disk, 5);
  const auto frames = frames_of(good);
  const auto other = MemoryDisk::of_text(std::string(image.size(), 'x'));
  for (const uint64_t count : {1, 10, 100, 1000}) {
    for (uint64_t seed = 0; seed < 8; ++seed) {
      std::mt19937_64 random(seed * 1000 + count);
      std::string bad = good;
      std::vector<uint64_t> places;
      for (uint64_t i = 0; i < count; ++i) {
        places.push_back(random() % bad.size());
        bad[places.back()] = static_cast<char>(bad[places.back()] ^ (1 + random() % 255));
      }
      INFO(count << " bytes, seed " << seed);
      const auto saved = save(bad, image.size());
      if (!saved.ok()) {
        CHECK(count >= 1000);  // header and directory were hit
        continue;
      }
      CHECK(is_image_without(saved.value().image, image, saved.value().outcome.lost));
      // A byte that was hit twice may be what it was: so not all that is hit need be lost.
      const RangeSet allowed = hit(frames, places);
      CHECK(subtract(saved.value().outcome.lost, allowed).empty());
      check_saved(save(bad, image.size(), disk), image, {});
      // A disk that has something else heals nothing, and spoils nothing.
      check_saved(save(bad, image.size(), other), image, saved.value().outcome.lost);
    }
  }
}

TEST_CASE("a snapshot that was cut off gives what is before the cut", "[salvage]") {
  const auto disk = small_disk(12);
  const std::string image = disk->text(), good = snapshot_of(disk);
  const auto frames = frames_of(good);
  for (const Frame& frame : frames) {
    const auto saved = save(good.substr(0, frame.place.end() - 1), image.size());
    check_saved(saved, image, {{frame.extent.offset, image.size() - frame.extent.offset}});
  }
}

TEST_CASE("in order, what is lost comes as zeros", "[salvage]") {
  const auto disk = small_disk(5);
  std::string image = disk->text();
  const std::string good = snapshot_of(disk);
  const Frame second = frames_of(good)[1];
  const auto saved =
      save(flipped(good, second.place.offset + 20), image.size(), nullptr, OnDamage::kSalvage, Order::kAscending);
  image.replace(second.extent.offset, second.extent.length, second.extent.length, '\0');
  CHECK((saved.value().image == image));
  CHECK(saved.value().outcome.lost == RangeSet{second.extent});
}

TEST_CASE("to heal is all or nothing", "[salvage]") {
  const auto disk = small_disk(5);
  const std::string bad = flipped(snapshot_of(disk), frames_of(snapshot_of(disk))[0].place.offset + 20);
  const auto other = MemoryDisk::of_text(std::string(disk->info().size, 'x'));
  auto refused_heal = save(bad, disk->info().size, other, OnDamage::kHeal);
  REQUIRE_FALSE(refused_heal.ok());
  CHECK(refused_heal.error().kind == ErrorKind::kDamaged);
  auto small = save(bad, disk->info().size, MemoryDisk::of_text("x"), OnDamage::kHeal);
  REQUIRE_FALSE(small.ok());
  CHECK(small.error().kind == ErrorKind::kUsage);
  const auto good = save(bad, disk->info().size, disk, OnDamage::kHeal);
  CHECK((good.value().image == disk->text()));
  CHECK(good.value().outcome.healed == kChunk);
}
