#include <catch2/catch.hpp>

#include "support/memory_disk.h"
#include "unit/vdsk/checkpoint_model.h"

using namespace hx;
using namespace hx::test;

namespace {

constexpr uint64_t kDiskSize = 32 * kKiB;

// An overlay in memory, read over what stands for its backing file.
std::string read_over(const std::string& image, const std::string& below) {
  const auto file = std::make_shared<MemoryReader>(as_bytes(image));
  const auto disk = must(open_qcow2_disk(file));
  std::string text(disk->info().size, '\0');
  must(disk->read_at(0, std::as_writable_bytes(std::span(text))));
  for (const MapEntry& entry : must(disk->map(0, text.size())).entries())
    if (entry.kind == Kind::kAbsent) text.replace(entry.offset, entry.length, below.substr(entry.offset, entry.length));
  return text;
}

Qcow2Header header_of(const std::string& image) { return must(read_qcow2_header(MemoryReader(as_bytes(image)))); }

}  // namespace

TEST_CASE(
    "another backing file, with what differs, in one flip: at any crash the disk over the one it names is the same") {
  for (const uint32_t cluster_bits : {9u, 12u})
    for (const size_t name_length : {5ul, 200ul, 900ul}) {
      if (cluster_bits == 9 && name_length > 200) continue;  // it does not fit, see below
      CAPTURE(cluster_bits, name_length);
      std::mt19937 random(2);
      MemoryDiskFile file(new_image({.size = kDiskSize,
                                     .cluster_bits = cluster_bits,
                                     .backing_name = std::string(name_length, 'o'),
                                     .backing_format = ImageFormat::kRaw}));
      std::string old_base = pattern_text(1, 0, kDiskSize), new_base = old_base;
      new_base.replace(10000, 5000, std::string(5000, 'n'));
      DiskModel model{old_base, {}};
      guest_writes(file, model, random, 5);
      const std::string image = file.bytes(), want = read_over(image, old_base);
      const size_t first = file.operations().size();

      CheckedImage now = must(read_sound_image(file));
      Qcow2Metadata next = now.data;
      next.header.backing_name = std::string(name_length, 'n');
      const auto whole = MemoryDisk::of_text(want);
      const NewContent content{{{10000, 5000}}, whole};
      must(must(Qcow2Change::prepare(file, std::move(now), std::move(next), &content))->flip());

      const std::vector<FileOperation> done(file.operations().begin() + static_cast<ptrdiff_t>(first),
                                            file.operations().end());
      int before = 0, after = 0;
      const auto look = [&](const std::string& crashed) {
        const std::string name = header_of(crashed).backing_name;
        REQUIRE(name.size() == name_length);
        const bool is_new = name == std::string(name_length, 'n');
        REQUIRE((is_new || name == std::string(name_length, 'o')));
        REQUIRE(header_of(crashed).backing_format == "raw");
        REQUIRE(read_sound_image(MemoryReader(as_bytes(crashed))).ok());
        REQUIRE(read_over(crashed, is_new ? new_base : old_base) == want);
        (is_new ? after : before)++;
      };
      for (size_t count = 0; count <= done.size(); ++count) look(after_kill(image, done, count));
      for (int i = 0; i < 300; ++i) look(after_power_cut(image, done, random() % (done.size() + 1), random));
      CHECK(before > 0);
      CHECK(after > 0);
      CHECK(leaks_of(file.bytes()) == 0);
    }
}

TEST_CASE("a backing file's name that has no room is refused, and nothing is changed") {
  MemoryDiskFile file(new_image({.size = kDiskSize, .cluster_bits = 9, .backing_name = "base"}));
  const std::string image = file.bytes();
  CheckedImage now = must(read_sound_image(file));
  Qcow2Metadata next = now.data;
  next.header.backing_name = std::string(500, 'n');
  CHECK_FALSE(Qcow2Change::prepare(file, std::move(now), std::move(next)).ok());
  CHECK(file.bytes() == image);
}

TEST_CASE("content beside checkpoints: they keep what they had") {
  std::mt19937 random(4);
  MemoryDiskFile file(new_image({.size = kDiskSize, .cluster_bits = 9, .backing_name = ""}));
  DiskModel model{std::string(kDiskSize, '\0'), {}};
  guest_writes(file, model, random, 40);
  must(must(prepare_create(file, "one", {}))->flip());
  model.checkpoints["one"] = model.active;
  guest_writes(file, model, random, 10);
  const std::string fresh = pattern_text(3, 0, kDiskSize);
  CheckedImage now = must(read_sound_image(file));
  Qcow2Metadata next = now.data;
  const NewContent content{{{700, 3000}, {20000, 1}}, MemoryDisk::of_text(fresh)};
  must(must(Qcow2Change::prepare(file, std::move(now), std::move(next), &content))->flip());
  // Whole clusters.
  model.active.replace(512, 3584, fresh.substr(512, 3584));
  model.active.replace(19968, 512, fresh.substr(19968, 512));
  CHECK(model_of(file.bytes()) == model);
  CHECK(leaks_of(file.bytes()) == 0);
  guest_writes(file, model, random, 40);
  CHECK(model_of(file.bytes()) == model);
}
