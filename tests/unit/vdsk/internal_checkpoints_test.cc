#include <catch2/catch.hpp>

#include "unit/vdsk/checkpoint_model.h"
#include "vdsk/checkpoint_name.h"

using namespace hx;
using namespace hx::test;

namespace {

constexpr uint64_t kDiskSize = 64 * kKiB;

struct Disk {
  MemoryDiskFile file{new_image({.size = kDiskSize, .cluster_bits = 9, .backing_name = ""})};
  DiskModel model{std::string(kDiskSize, '\0'), {}};
  std::mt19937 random{1};

  void write(int count) { guest_writes(file, model, random, count); }
  void create(const std::string& name) {
    must(must(prepare_create(file, name, {}))->flip());
    model.checkpoints[name] = model.active;
  }
};

template <class T>
ErrorKind kind_of(Result<T> result) {
  REQUIRE_FALSE(result.ok());
  return result.error().kind;
}

}  // namespace

TEST_CASE("names of checkpoints: safe ones, none twice, none that is an id") {
  for (const char* good : {"a", "mon", "_", "Vor-2.Update+x:1"}) CHECK(check_checkpoint_name(good).ok());
  for (const std::string bad : {"", "1", "-a", "a b", "a/b", "a\n", "\xc3\xa4", "../x", ".a"})
    CHECK(kind_of(check_checkpoint_name(bad)) == ErrorKind::kUsage);
  CHECK_FALSE(check_checkpoint_name(std::string(256, 'a')).ok());
  CHECK(escape_name("a\n\\b") == "a\\x0a\\x5cb");
  Disk disk;
  disk.create("mon");
  CHECK(kind_of(prepare_create(disk.file, "mon", {})) == ErrorKind::kRefused);
  CHECK(kind_of(prepare_delete(disk.file, {"tue"})) == ErrorKind::kUsage);
}

TEST_CASE("a width of counts that is full is refused before anything is written") {
  MemoryDiskFile file(new_image({.size = kDiskSize, .cluster_bits = 9, .refcount_order = 0, .backing_name = ""}));
  DiskModel model{std::string(kDiskSize, '\0'), {}};
  std::mt19937 random(1);
  guest_writes(file, model, random, 3);
  const std::string before = file.bytes();
  CHECK(kind_of(prepare_create(file, "one", {})) == ErrorKind::kRefused);
  CHECK(file.bytes() == before);
}

TEST_CASE("what a checkpoint alone holds is what deleting it frees") {
  Disk disk;
  disk.write(40);
  disk.create("one");
  disk.write(20);
  disk.create("two");
  disk.write(20);
  for (const char* name : {"one", "two"}) {
    const CheckedImage image = must(read_sound_image(disk.file));
    const auto entries = must(list_checkpoints(disk.file, image));
    REQUIRE(entries.front().snapshot.name == name);
    uint64_t used = 0, left = 0;
    ClusterCounts::for_each({&image.check.counted}, [&](uint64_t c) { used += image.check.counted.get(c) > 0; });
    must(must(prepare_delete(disk.file, {name}))->flip());
    const CheckedImage now = must(read_sound_image(disk.file));
    ClusterCounts::for_each({&now.check.counted}, [&](uint64_t c) { left += now.check.counted.get(c) > 0; });
    // Its L1 table and, with the last one, the snapshot table go besides.
    CHECK(used - left >= entries.front().exclusive_bytes / 512);
    CHECK(used - left <= entries.front().exclusive_bytes / 512 + 2);
  }
}

TEST_CASE("diff has all that differs, and is empty between equals") {
  Disk disk;
  disk.write(30);
  disk.create("one");
  const auto diff = [&](const char* from, std::optional<SnapshotName> to) {
    return must(diff_checkpoints(disk.file, must(read_qcow2_metadata(disk.file)), SnapshotName{from}, to));
  };
  CHECK(diff("one", {}).bytes_of(Kind::kAbsent) == kDiskSize);
  disk.write(6);
  disk.create("two");
  disk.write(6);
  for (const bool to_two : {true, false}) {
    const ExtentList list = diff("one", to_two ? std::optional(SnapshotName{"two"}) : std::nullopt);
    const std::string& now = to_two ? disk.model.checkpoints["two"] : disk.model.active;
    std::string patched = disk.model.checkpoints["one"];
    for (const MapEntry& entry : list.entries()) {
      if (entry.kind == Kind::kAbsent) continue;
      if (entry.kind == Kind::kZero) CHECK(now.substr(entry.offset, entry.length) == std::string(entry.length, '\0'));
      patched.replace(entry.offset, entry.length, now.substr(entry.offset, entry.length));
    }
    CHECK(patched == now);
    CHECK(list.bytes_of(Kind::kAbsent) >= kDiskSize - 12 * 512);
  }
}

TEST_CASE("a file that is not sound is not touched, nor one with another's data file") {
  Disk disk;
  disk.write(20);
  disk.create("one");
  const Qcow2Metadata data = must(read_qcow2_metadata(disk.file));
  std::string image = disk.file.bytes();
  image[data.header.l1_offset + 5] ^= 1;  // the active disk's first L2 table, elsewhere
  MemoryDiskFile file(image);
  CHECK(kind_of(prepare_create(file, "two", {})) == ErrorKind::kDamaged);
  CHECK(kind_of(prepare_delete(file, {"one"})) == ErrorKind::kDamaged);
  CHECK(file.operations().empty());
}
