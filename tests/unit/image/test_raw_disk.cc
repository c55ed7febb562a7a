#include <fcntl.h>
#include <sys/stat.h>
#include <catch2/catch.hpp>

#include "contract/extent_source_contract.h"
#include "extent/read_ahead.h"
#include "image/raw_disk.h"
#include "io/unique_fd.h"
#include "support/memory_disk.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

std::shared_ptr<DiskReader> opened(const std::string& path, InUse in_use = InUse::kRefuse) {
  auto disk = open_raw_disk(path, {in_use});
  if (!disk) FAIL(disk.error().message);
  return disk.value();
}
// 8 MiB, with data at 1 MiB and at the end.
std::string sparse_file(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  const std::string text = pattern_text(1, 0, 10000);
  REQUIRE(::pwrite(fd.get(), text.data(), text.size(), kMiB) == 10000);
  REQUIRE(::pwrite(fd.get(), text.data(), text.size(), 8 * kMiB - 10000) == 10000);
  return path;
}
void set_mtime(const std::string& path, const timespec& time) {
  const timespec times[2] = {{0, UTIME_OMIT}, time};
  REQUIRE(::utimensat(AT_FDCWD, path.c_str(), times, 0) == 0);
}
// What an fd holds, as QEMU does: a shared lock on the byte of a permission.
void lock_byte(int fd, off_t byte) {
  struct flock lock = {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  lock.l_start = byte;
  lock.l_len = 1;
  REQUIRE(::fcntl(fd, F_OFD_SETLK, &lock) == 0);
}

}  // namespace

TEST_CASE("a raw file is a disk whose holes are zero and never read") {
  TemporaryDirectory directory;
  const std::string path = sparse_file(directory / "web-01.img");
  auto disk = opened(path);
  CHECK(disk->info().size == 8 * kMiB);
  CHECK(disk->info().name == "web-01");
  CHECK(disk->info().key == "disk0");
  CHECK(disk->info().consistency.empty());
  CHECK(disk->name() == path);
  const ExtentList map = disk->map(0, 8 * kMiB).value();
  CHECK(gaps(map, {{0, 8 * kMiB}}).empty());
  CHECK(map.bytes_of(Kind::kData) < kMiB);  // the file system's blocks may be larger than the data
  CHECK(subtract({{kMiB, 10000}}, ranges_of(map, Kind::kData)).empty());
  CHECK(disk->map(100, 200).value().entries() == std::vector<MapEntry>{{100, 100, Kind::kZero}});
  expect_contract(*read_ahead(disk, map, {}), {read_file(path)});
  auto source = read_ahead(disk, map, {});
  REQUIRE(source->next_disk().ok());
  while (const std::optional<Extent> extent = source->next().value()) {
    if (extent->kind != Kind::kData) continue;
    std::string in_file(extent->length, '\0');
    const FilePlace place = extent->place;
    REQUIRE(::pread(place.fd, in_file.data(), in_file.size(), static_cast<off_t>(place.offset)) > 0);
    CHECK((as_bytes(in_file).size() == extent->data.size() && in_file == as_text(extent->data.bytes())));
  }
}

TEST_CASE("an empty file is an empty disk") {
  TemporaryDirectory directory;
  write_file(directory / "empty.raw", "");
  auto disk = opened(directory / "empty.raw");
  CHECK(disk->info().size == 0);
  CHECK(disk->map(0, 0).value().empty());
  expect_contract(*read_ahead(disk, {}, {}), {""});
}

TEST_CASE("a raw disk that changed while it was read is found out") {
  TemporaryDirectory directory;
  const std::string path = sparse_file(directory / "d.img");
  auto disk = opened(path);
  REQUIRE(disk->check_unchanged().ok());
  std::string what;
  SECTION("written to") {
    set_mtime(path, {1, 1});
    what = "mtime";
  }
  SECTION("written to, and the mtime set back") {
    struct stat before;
    REQUIRE(::stat(path.c_str(), &before) == 0);
    set_mtime(path, {1, 1});
    set_mtime(path, before.st_mtim);
    struct stat after;
    REQUIRE(::stat(path.c_str(), &after) == 0);
    if (after.st_ctim.tv_sec == before.st_ctim.tv_sec && after.st_ctim.tv_nsec == before.st_ctim.tv_nsec) {
      WARN("skipped: the clock of the file system did not move");
      return;
    }
    what = "ctime";
  }
  SECTION("grown") {
    REQUIRE(::truncate(path.c_str(), 9 * kMiB) == 0);
    what = "size";
  }
  Status check = disk->check_unchanged();
  REQUIRE_FALSE(check.ok());
  CHECK(check.error().kind == ErrorKind::kChanged);
  CHECK(check.error().message.find(path + ": changed while it was read (" + what) == 0);
}

TEST_CASE("a file that has become shorter is changed, at the read already") {
  TemporaryDirectory directory;
  const std::string path = sparse_file(directory / "d.img");
  auto disk = opened(path);
  REQUIRE(::truncate(path.c_str(), 1000) == 0);
  std::byte out[100];
  CHECK(disk->read_at(900, out).ok());
  Status read = disk->read_at(950, out);
  REQUIRE_FALSE(read.ok());
  CHECK(read.error().kind == ErrorKind::kChanged);
}

TEST_CASE("an image that QEMU writes to is refused, and taken with a mark when forced") {
  TemporaryDirectory directory;
  const std::string path = sparse_file(directory / "d.img");
  UniqueFd qemu(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  lock_byte(qemu.get(), 100);
  CHECK(open_raw_disk(path).ok());  // a reader is no danger
  lock_byte(qemu.get(), 101);
  auto disk = open_raw_disk(path);
  REQUIRE_FALSE(disk.ok());
  CHECK(disk.error().kind == ErrorKind::kRefused);
  CHECK(disk.error().hint.find("--force") != std::string::npos);
  auto forced = opened(path, InUse::kAllow);
  CHECK(forced->info().consistency == "none");
  CHECK(opened(path, InUse::kAllow)->place_of(0).fd == -1);  // what it sends must be what it read
  set_mtime(path, {1, 1});
  CHECK(forced->check_unchanged().ok());
}

TEST_CASE("a disk that nobody uses is proven unchanged, forced or not") {
  TemporaryDirectory directory;
  const std::string path = sparse_file(directory / "d.img");
  auto forced = opened(path, InUse::kAllow);
  CHECK(forced->info().consistency.empty());
  set_mtime(path, {1, 1});
  const Status status = forced->check_unchanged();
  CHECK_FALSE(status.ok());
}

TEST_CASE("what is no disk is wrong usage") {
  TemporaryDirectory directory;
  REQUIRE(::mkfifo((directory / "fifo").c_str(), 0666) == 0);
  for (const std::string& path :
       {directory / "missing", directory.path(), directory / "fifo", std::string("/dev/null")}) {
    auto disk = open_raw_disk(path);
    REQUIRE_FALSE(disk.ok());
    CHECK(disk.error().kind == ErrorKind::kUsage);
    CHECK(disk.error().message.find(path) == 0);
  }
}

TEST_CASE("names of raw disks lose the suffix of an image, and nothing else") {
  TemporaryDirectory directory;
  for (const auto& [file, name] :
       {std::pair("a.img", "a"), {"b.raw", "b"}, {"c.example.org", "c.example.org"}, {".img", ".img"}}) {
    write_file(directory / file, "x");
    CHECK(opened(directory / file)->info().name == name);
  }
}
