#include <catch2/catch.hpp>

#include "image/qcow2_check.h"
#include "image/qcow2_disk.h"
#include "io/fd_io.h"
#include "support/temporary_directory.h"

using namespace hx;

namespace {

// Of the fuzz corpus: what QEMU wrote.
std::string seed(const std::string& name) {
  return test::read_file(std::string(HX_TESTS_DIR) + "/fuzz/corpus/qcow2/" + name);
}
constexpr const char* kSeeds[] = {"snapshots", "version-2", "counts-1",    "counts-8", "counts-64",
                                  "zlib",      "zstd",      "subclusters", "bitmaps",  "backed"};

template <class T>
T must(Result<T> result) {
  INFO((result.ok() ? "" : result.error().message));
  REQUIRE(result.ok());
  return std::move(result).value();
}

std::shared_ptr<DiskReader> disk_of(const std::string& bytes, const std::optional<SnapshotName>& snapshot = {}) {
  auto disk =
      open_qcow2_disk(std::make_shared<MemoryReader>(as_bytes(bytes), "disk"), {.data_file = {}, .snapshot = snapshot});
  return disk.ok() ? std::move(disk).value() : nullptr;
}
std::string read(const DiskReader& disk, uint64_t offset, uint64_t length) {
  std::string text(length, '?');
  REQUIRE(disk.read_at(offset, std::as_writable_bytes(std::span(text))).ok());
  return text;
}
std::string letters(char letter, size_t count) { return std::string(count, letter); }

Qcow2Check check(const std::string& bytes) {
  const MemoryReader file(as_bytes(bytes), "disk");
  return must(check_qcow2(file, must(read_qcow2_metadata(file))));
}
void put64(std::string& bytes, size_t at, uint64_t value) { bytes.replace(at, 8, as_text(struct_bytes(Be64(value)))); }

// All that may be done with a file that may be anything.
void try_all(const std::string& bytes) {
  const MemoryReader file(as_bytes(bytes), "disk");
  auto data = read_qcow2_metadata(file);
  if (data) {
    (void)check_qcow2(file, *data);
    for (const Qcow2Bitmap& bitmap : data->bitmaps) (void)dirty_ranges(file, data->header, bitmap);
  }
  const auto disk = disk_of(bytes);
  if (!disk) return;
  const uint64_t size = std::min<uint64_t>(disk->info().size, 64 * kKiB);
  (void)disk->map(0, size);
  std::string text(size, '\0');
  (void)disk->read_at(0, std::as_writable_bytes(std::span(text)));
}

}  // namespace

TEST_CASE("qcow2: what QEMU wrote is sound, and without leaks") {
  for (const char* name : kSeeds) {
    CAPTURE(name);
    const Qcow2Check found = check(seed(name));
    CHECK(found.is_sound());
    CHECK(found.leaks == 0);
  }
}

TEST_CASE("qcow2: the disk, and each snapshot of it") {
  const std::string bytes = seed("snapshots");
  const auto disk = disk_of(bytes), one = disk_of(bytes, SnapshotName{"one"}), two = disk_of(bytes, SnapshotName{"2"});
  CHECK(read(*disk, 30720, 2048) == letters('D', 2048));
  CHECK(read(*disk, 512, 1024) == letters('A', 512) + letters('C', 512));
  CHECK(read(*one, 512, 1024) == letters('A', 1024));
  CHECK(read(*one, 20480, 600) == letters('B', 600));
  CHECK(read(*two, 20480, 600) == letters('\0', 512) + letters('B', 88));
  CHECK(read(*two, 30720, 2048) == letters('\0', 2048));
  CHECK(disk_of(bytes, SnapshotName{"three"}) == nullptr);
  const ExtentList map = must(one->map(0, 32768));
  CHECK(map.entries() == std::vector<MapEntry>{{0, 3072, Kind::kData},
                                               {3072, 17408, Kind::kZero},
                                               {20480, 1024, Kind::kData},
                                               {21504, 11264, Kind::kZero}});
}

TEST_CASE("qcow2: compressed clusters, whole and in parts, subclusters, absent over a backing file") {
  for (const char* name : {"zlib", "zstd"}) {
    const std::string bytes = seed(name);
    const auto disk = disk_of(bytes);
    const std::string line = "what is compressed\n";
    CHECK(read(*disk, line.size() * 300, line.size() * 2) == line + line);
    CHECK(read(*disk, 24 * 1024 - 1, 2).back() == '\0');
  }
  const std::string subclusters = seed("subclusters"), backed = seed("backed");
  const ExtentList map = must(disk_of(subclusters)->map(0, 4096));
  CHECK(map.entries() ==
        std::vector<MapEntry>{{0, 1024, Kind::kZero}, {1024, 2048, Kind::kData}, {3072, 1024, Kind::kZero}});
  const auto delta = disk_of(backed);
  CHECK(delta->info().kind == DiskKind::kDelta);
  CHECK(must(delta->map(0, 2048)).entries() ==
        std::vector<MapEntry>{{0, 1024, Kind::kAbsent}, {1024, 512, Kind::kData}, {1536, 512, Kind::kAbsent}});
}

TEST_CASE("qcow2: a dirty bitmap is what nbdinfo shows of it, and none when a writer did not know of it") {
  std::string bytes = seed("bitmaps");
  {
    const MemoryReader file(as_bytes(bytes));
    const Qcow2Metadata data = must(read_qcow2_metadata(file));
    REQUIRE(data.bitmaps.size() == 1);
    CHECK(data.bitmaps[0].name == "dirty");
    CHECK(must(dirty_ranges(file, data.header, data.bitmaps[0])) == RangeSet{{8192, 4096}, {102400, 12288}});
  }
  bytes[95] = 0;  // autoclear
  const Qcow2Metadata data = must(read_qcow2_metadata(MemoryReader(as_bytes(bytes))));
  CHECK(data.bitmaps.empty());
  CHECK(data.header.has_stale_bitmaps);
}

TEST_CASE("qcow2: counts of each width, within a byte the first in the low bits") {
  for (unsigned order = 0; order <= 6; ++order) {
    std::vector<std::byte> block(512);
    const uint64_t most = max_refcount(order), last = 512 * 8 / (uint64_t{1} << order) - 1;
    set_refcount(block, order, 1, most);
    set_refcount(block, order, last, 1);
    CHECK(get_refcount(block, order, 0) == 0);
    CHECK(get_refcount(block, order, 1) == most);
    CHECK(get_refcount(block, order, 2) == 0);
    CHECK(get_refcount(block, order, last) == 1);
  }
  std::vector<std::byte> bits(512);
  set_refcount(bits, 0, 1, 1);
  CHECK(bits[0] == std::byte{2});
}

// What readers of this format have got wrong (libvdsk's among them).
TEST_CASE("qcow2: no magic, encrypted, an unknown feature: refused") {
  for (const size_t at : {0, 3, 35, 79, 72}) {
    std::string bytes = seed("snapshots");
    bytes[at] = static_cast<char>(at == 79 ? 0x20 : bytes[at] ^ 1);
    CAPTURE(at);
    CHECK(disk_of(bytes) == nullptr);
  }
}
TEST_CASE("qcow2: a zero cluster reads as zeros, not as the header, whether it has a place or not") {
  std::string bytes = seed("snapshots");
  const Qcow2Metadata data = must(read_qcow2_metadata(MemoryReader(as_bytes(bytes))));
  const uint64_t l2 = data.l1[0] & kQcow2OffsetBits;
  put64(bytes, l2, kQcow2Zero);
  put64(bytes, l2 + 8,
        kQcow2Zero | kQcow2Copied | (must(read_table(MemoryReader(as_bytes(bytes)), l2 + 8, 1))[0] & kQcow2OffsetBits));
  CHECK(read(*disk_of(bytes), 0, 1024) == letters('\0', 1024));
}
TEST_CASE("qcow2: an L2 or data cluster beyond the end is damage, not zeros") {
  for (const bool table : {true, false}) {
    std::string bytes = seed("snapshots");
    const Qcow2Metadata data = must(read_qcow2_metadata(MemoryReader(as_bytes(bytes))));
    put64(bytes, table ? data.header.l1_offset : data.l1[0] & kQcow2OffsetBits, kQcow2Copied | 1 << 20);
    CHECK(check(bytes).broken > 0);
    std::string text(512, '\0');
    CHECK_FALSE(disk_of(bytes)->read_at(0, std::as_writable_bytes(std::span(text))).ok());
  }
}
TEST_CASE("qcow2: two things in one cluster, a count too low, a false flag, a leak: each is found as what it is") {
  std::string bytes = seed("snapshots");
  const Qcow2Metadata data = must(read_qcow2_metadata(MemoryReader(as_bytes(bytes))));
  const uint64_t l2 = data.l1[0] & kQcow2OffsetBits;
  std::string shared = bytes;
  put64(shared, l2, kQcow2Copied | data.header.reftable_offset);
  CHECK(check(shared).broken > 0);
  std::string flag = bytes;
  flag[data.header.l1_offset] = static_cast<char>(flag[data.header.l1_offset] ^ '\x80');
  CHECK(check(flag).wrong == 1);
  CHECK(check(flag).broken == 0);
  const uint64_t block = must(read_qcow2_refcounts(MemoryReader(as_bytes(bytes)), data.header)).table[0];
  std::string low = bytes, high = bytes;
  low[block + l2 / 512 * 2 + 1] = 0;
  high[block + l2 / 512 * 2 + 1] = 9;
  CHECK(check(low).wrong == 1);
  CHECK(check(high).leaks == 1);
  CHECK(check(high).is_sound());
}

TEST_CASE("qcow2: cut or flipped at any byte, it is read or refused, never more") {
  for (const char* name : {"snapshots", "counts-64", "backed", "bitmaps"}) {
    const std::string bytes = seed(name);
    for (size_t at = 0; at < bytes.size(); at += at < 512 ? 1 : 7) {
      try_all(bytes.substr(0, at));
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(~flipped[at]);
      try_all(flipped);
    }
  }
  for (const char* name : {"zlib", "zstd", "subclusters"}) {
    const std::string bytes = seed(name);
    for (size_t at = 0; at < 40000 && at < bytes.size(); at += at < 200 ? 1 : 61) {
      std::string flipped = bytes;
      flipped[at] = static_cast<char>(~flipped[at]);
      try_all(flipped);
    }
  }
}
