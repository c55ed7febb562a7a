#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <catch2/catch.hpp>

#include <csignal>

#include "extent/file_sink.h"
#include "extent/pump.h"
#include "extent/read_ahead.h"
#include "io/fd_io.h"
#include "support/memory_disk.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

std::shared_ptr<MemoryDisk> island_disk() {
  return std::make_shared<MemoryDisk>(
      40 * kMiB + 3, std::vector<MapEntry>{{7, 12 * kMiB, Kind::kData}, {30 * kMiB, kMiB + 3, Kind::kData}});
}
std::unique_ptr<ExtentSource> source_of(const std::shared_ptr<MemoryDisk>& disk) {
  return read_ahead(disk, disk->whole_map(), {});
}
std::unique_ptr<FileSink> opened(Result<std::unique_ptr<FileSink>> sink) {
  if (!sink) FAIL(sink.error().message);
  return std::move(sink).value();
}
// By the pump (one thread) or the parallel one.
Status move(const std::shared_ptr<MemoryDisk>& disk, ExtentSink& sink, int threads) {
  HX_TRY(threads > 1 ? parallel_pump(*disk, disk->whole_map(), sink, threads, {}) : pump(*source_of(disk), sink, {}));
  return sink.commit();
}
uint64_t allocated(const std::string& path) {
  struct stat status;
  REQUIRE(::stat(path.c_str(), &status) == 0);
  return static_cast<uint64_t>(status.st_blocks) * 512;
}
Error failure(Status status) {
  REQUIRE_FALSE(status.ok());
  return std::move(status).error();
}
Extent data_extent(uint64_t offset, const std::string& text) {
  return {offset, text.size(), Kind::kData, Buffer::copy_of(as_bytes(text))};
}
DiskInfo info_of(uint64_t size, DiskKind kind = DiskKind::kFull) {
  DiskInfo info;
  info.key = "d";
  info.size = size;
  info.kind = kind;
  return info;
}

}  // namespace

TEST_CASE("a new file has the disk's bytes and is sparse") {
  for (const int threads : {1, 3}) {
    TemporaryDirectory directory;
    auto disk = island_disk();
    auto sink = opened(new_file_sink(directory / "d.img", Overwrite::kRefuse, 13 * kMiB));
    REQUIRE(move(disk, *sink, threads).ok());
    CHECK((read_file(directory / "d.img") == disk->text()));
    CHECK(allocated(directory / "d.img") <= 14 * kMiB);
    CHECK(sink->counts().written == 13 * kMiB + 3);
    CHECK(sink->counts().skipped == 27 * kMiB);
    CHECK(sink->counts().zeroed == 0);
    CHECK(sink->contiguous_end() == 40 * kMiB + 3);
  }
}

TEST_CASE("zeros inside data are not written to a new file") {
  TemporaryDirectory directory;
  std::string text(4 * kMiB, '\0');
  text.replace(kMiB, 5, "hello");
  auto disk = MemoryDisk::of_text(text);
  auto sink = opened(new_file_sink(directory / "d.img", Overwrite::kRefuse, 0));
  REQUIRE(move(disk, *sink, 2).ok());  // the parallel pump does not look for zeros: the sink does
  CHECK((read_file(directory / "d.img") == text));
  CHECK(sink->counts().written == 4096);
  CHECK(allocated(directory / "d.img") <= 64 * kKiB);
}

TEST_CASE("without a commit there is no file") {
  TemporaryDirectory directory;
  auto disk = island_disk();
  SECTION("never committed") {
    auto sink = opened(new_file_sink(directory / "d.img", Overwrite::kRefuse, 0));
    REQUIRE(pump(*source_of(disk), *sink, {}).ok());
  }
  SECTION("the source failed") {
    disk->fail_at(5 * kMiB, damaged("no"));
    auto sink = opened(new_file_sink(directory / "d.img", Overwrite::kRefuse, 0));
    CHECK_FALSE(move(disk, *sink, 1).ok());
  }
  SECTION("no disk came") {
    auto sink = opened(new_file_sink(directory / "d.img", Overwrite::kRefuse, 0));
    CHECK_FALSE(sink->commit().ok());
  }
  CHECK(directory.count() == 0);
}

TEST_CASE("a new file does not replace an old one unasked") {
  TemporaryDirectory directory;
  write_file(directory / "d.img", "old");
  auto refused_sink = new_file_sink(directory / "d.img", Overwrite::kRefuse, 0);
  REQUIRE_FALSE(refused_sink.ok());
  CHECK(refused_sink.error().kind == ErrorKind::kRefused);
  auto sink = opened(new_file_sink(directory / "d.img", Overwrite::kReplace, 0));
  CHECK(read_file(directory / "d.img") == "old");
  REQUIRE(move(MemoryDisk::of_text("new"), *sink, 1).ok());
  CHECK(read_file(directory / "d.img") == "new");
}

TEST_CASE("a disk whose size is known at its end becomes a file of that size") {
  TemporaryDirectory directory;
  auto sink = opened(new_file_sink(directory / "d.img", Overwrite::kRefuse, 0));
  REQUIRE(sink->begin_disk(info_of(kUnknownSize)).ok());
  REQUIRE(sink->put(data_extent(0, "abc")).ok());
  REQUIRE(sink->put({3, 1000, Kind::kZero, {}}).ok());
  REQUIRE(sink->end_disk({1003, 3, 1000, {}}).ok());
  REQUIRE(sink->commit().ok());
  CHECK(read_file(directory / "d.img") == "abc" + std::string(1000, '\0'));
}

TEST_CASE("a file takes one disk, and no delta alone") {
  TemporaryDirectory directory;
  auto sink = opened(new_file_sink(directory / "a", Overwrite::kRefuse, 0));
  REQUIRE(sink->begin_disk(info_of(10)).ok());
  CHECK(failure(sink->begin_disk(info_of(10))).kind == ErrorKind::kRefused);
  auto other = opened(new_file_sink(directory / "b", Overwrite::kRefuse, 0));
  CHECK(failure(other->begin_disk(info_of(10, DiskKind::kDelta))).kind == ErrorKind::kRefused);
}

TEST_CASE("what cannot fit is no space before the first byte") {
  TemporaryDirectory directory;
  auto sink = opened(new_file_sink(directory / "d.img", Overwrite::kRefuse, uint64_t{1} << 60));
  const Error error = failure(sink->begin_disk(info_of(10)));
  CHECK(error.kind == ErrorKind::kNoSpace);
  CHECK(error.message.find(directory / "d.img") == 0);
}

TEST_CASE("a full file system is no space, with file and offset, and leaves nothing") {
  TemporaryDirectory directory;
  if (::mount("none", directory.path().c_str(), "tmpfs", 0, "size=4m") != 0) {
    WARN("skipped: mounting a tmpfs is not permitted");
    return;
  }
  {
    auto sink = opened(new_file_sink(directory / "d.img", Overwrite::kRefuse, 0));
    const Error error = failure(move(island_disk(), *sink, 1));
    CHECK(error.kind == ErrorKind::kNoSpace);
    CHECK(error.message.find((directory / "d.img") + ": write at ") == 0);
    CHECK(sink->contiguous_end() > 0);
    CHECK(sink->contiguous_end() <= 4 * kMiB);
  }
  CHECK(directory.count() == 0);
  REQUIRE(::umount(directory.path().c_str()) == 0);
}

TEST_CASE("in place, old data become zero where the disk is zero") {
  for (const int threads : {1, 3}) {
    TemporaryDirectory directory;
    auto disk = island_disk();
    const std::string old(42 * kMiB, 'o');
    write_file(directory / "d.img", old);
    auto sink = opened(in_place_sink(directory / "d.img", Force::kNo));
    REQUIRE(move(disk, *sink, threads).ok());
    CHECK((read_file(directory / "d.img") == disk->text() + old.substr(40 * kMiB + 3)));  // the tail stays
    CHECK(sink->counts().zeroed == 27 * kMiB);
    CHECK(sink->counts().written == 13 * kMiB + 3);
    CHECK(sink->contiguous_end() == 40 * kMiB + 3);
  }
}

TEST_CASE("in place, a delta changes what it says and nothing else") {
  TemporaryDirectory directory;
  write_file(directory / "d.img", std::string(1000, 'o'));
  auto delta = std::make_shared<MemoryDisk>(1000, std::vector<MapEntry>{{10, 20, Kind::kData}, {500, 5, Kind::kZero}},
                                            1, DiskKind::kDelta);
  auto sink = opened(in_place_sink(directory / "d.img", Force::kNo));
  REQUIRE(move(delta, *sink, 1).ok());
  std::string expected(1000, 'o');
  expected.replace(10, 20, delta->text(10, 20));
  expected.replace(500, 5, std::string(5, '\0'));
  CHECK(read_file(directory / "d.img") == expected);
}

TEST_CASE("in place, a target that is too small is refused before it is touched") {
  TemporaryDirectory directory;
  write_file(directory / "d.img", "0123456789");
  for (const Force force : {Force::kNo, Force::kYes}) {
    auto sink = opened(in_place_sink(directory / "d.img", force));
    const Error error = failure(move(MemoryDisk::of_text("abcdefghijk"), *sink, 1));
    CHECK(error.kind == ErrorKind::kRefused);
    CHECK(error.message.find("too small") != std::string::npos);
  }
  auto sink = opened(in_place_sink(directory / "d.img", Force::kNo));
  REQUIRE(sink->begin_disk(info_of(kUnknownSize)).ok());
  CHECK(failure(sink->put(data_extent(5, "abcdef"))).kind == ErrorKind::kRefused);
  CHECK(read_file(directory / "d.img") == "0123456789");
}

TEST_CASE("in place, a target must be there and be a file or device") {
  TemporaryDirectory directory;
  CHECK(in_place_sink(directory / "none", Force::kYes).error().kind == ErrorKind::kUsage);
  CHECK(in_place_sink(directory.path(), Force::kYes).error().kind == ErrorKind::kUsage);
}

TEST_CASE("plain bytes go in order, zeros written, into a pipe") {
  std::string text(300000, 'a');
  text.replace(1000, 200000, std::string(200000, '\0'));
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  UniqueFd in(ends[0]), out(ends[1]);
  enlarge_pipe(out.get());  // holds all
  auto sink = stdout_sink(out.get(), "stdout");
  CHECK(sink->order() == Order::kAscending);
  REQUIRE(move(MemoryDisk::of_text(text), *sink, 1).ok());
  out.reset();
  std::string got(400000, '?');
  FdReader reader(in.get(), "pipe");
  got.resize(reader.read_full(std::as_writable_bytes(std::span(got.data(), got.size()))).value());
  CHECK((got == text));
  CHECK(sink->counts().skipped == 0);
  CHECK(sink->counts().written + sink->counts().zeroed == text.size());
}

TEST_CASE("plain bytes into a file are sparse at its end, and written elsewhere") {
  TemporaryDirectory directory;
  auto disk = std::make_shared<MemoryDisk>(8 * kMiB, std::vector<MapEntry>{{kMiB, 10, Kind::kData}});
  const std::string path = directory / "out";
  write_file(path, "before");
  SECTION("at its end") {
    UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    REQUIRE(::lseek(fd.get(), 0, SEEK_END) == 6);
    auto sink = stdout_sink(fd.get(), "stdout");
    REQUIRE(move(disk, *sink, 1).ok());
    REQUIRE(::write(fd.get(), "after", 5) == 5);  // who shares the descriptor goes on behind
    CHECK((read_file(path) == "before" + disk->text() + "after"));
    CHECK(allocated(path) <= kMiB);
    CHECK(sink->counts().skipped == 8 * kMiB - 10);
  }
  SECTION("appending") {
    UniqueFd fd(::open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC));
    REQUIRE(::lseek(fd.get(), 0, SEEK_END) == 6);  // at its end, but a write would move it
    auto sink = stdout_sink(fd.get(), "stdout");
    REQUIRE(move(disk, *sink, 1).ok());
    CHECK((read_file(path) == "before" + disk->text()));
    CHECK(sink->counts().skipped == 0);
  }
  SECTION("over old bytes") {
    write_file(path, std::string(9 * kMiB, 'o'));
    UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    auto sink = stdout_sink(fd.get(), "stdout");
    REQUIRE(move(disk, *sink, 1).ok());
    CHECK((read_file(path) == disk->text() + std::string(kMiB, 'o')));
    CHECK(sink->counts().skipped == 0);
  }
}

TEST_CASE("of a part, plain bytes are those of its ranges") {
  TemporaryDirectory directory;
  auto disk = MemoryDisk::of_text("0123456789");
  UniqueFd fd(::open((directory / "out").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0666));
  auto sink = stdout_sink(fd.get(), "stdout");
  REQUIRE(pump(*read_ahead(disk, clip(disk->whole_map(), {{2, 3}, {8, 2}}), {}), *sink, {}).ok());
  CHECK(read_file(directory / "out") == "23489");
}

TEST_CASE("plain bytes cannot say what is absent, nor where a second disk begins") {
  auto sink = stdout_sink(1, "stdout");
  CHECK(failure(sink->begin_disk(info_of(10, DiskKind::kDelta))).kind == ErrorKind::kRefused);
  REQUIRE(sink->begin_disk(info_of(0)).ok());
  CHECK(failure(sink->begin_disk(info_of(0))).kind == ErrorKind::kRefused);
}

TEST_CASE("a reader that went away is an error for plain bytes") {
  int ends[2];
  REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
  UniqueFd in(ends[0]), out(ends[1]);
  in.reset();
  const auto before = std::signal(SIGPIPE, SIG_IGN);
  auto sink = stdout_sink(out.get(), "stdout");
  CHECK(failure(move(island_disk(), *sink, 1)).kind == ErrorKind::kDamaged);
  std::signal(SIGPIPE, before);
}
