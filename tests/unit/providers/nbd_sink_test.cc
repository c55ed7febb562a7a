#include <sys/wait.h>

#include <catch2/catch.hpp>

#include "extent/pump.h"
#include "providers/nbd/nbd_disk.h"
#include "support/memory_disk.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

using Words = std::vector<std::string>;

Result<std::unique_ptr<FileSink>> sink_to(const Words& arguments, const Words& before = {}) {
  NbdServer server;
  server.command = {"nbdkit", "-f", "--filter=exitlast"};
  server.command.insert(server.command.end(), before.begin(), before.end());
  server.command.insert(server.command.end(), arguments.begin(), arguments.end());
  server.name = "test";
  return open_nbd_sink(server);
}
std::unique_ptr<FileSink> opened(const Words& arguments, const Words& before = {}) {
  auto sink = sink_to(arguments, before);
  if (!sink) FAIL(sink.error().message);
  return std::move(sink).value();
}
// An old disk of 'x', which a skipped zero would leave.
std::string old_file(const std::string& path, size_t size) {
  write_file(path, std::string(size, 'x'));
  return path;
}
// Data, zeros and data again; nothing of it on a round number.
std::shared_ptr<MemoryDisk> new_disk(uint64_t size) {
  return std::make_shared<MemoryDisk>(
      size, std::vector<MapEntry>{{1000, 700000, Kind::kData}, {2000000, size - 2000000, Kind::kData}});
}
void copy(const DiskReader& disk, ExtentSink& sink) {
  const ExtentList map = disk.map(0, disk.info().size).value();
  Status copied = parallel_pump(disk, map, sink, 4, {});
  if (!copied) FAIL(copied.error().message);
}
bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) >= 0; }

}  // namespace

TEST_CASE("an NBD export becomes the disk, its zeros too, and the rest of it stays") {
  TemporaryDirectory directory;
  const uint64_t size = 3 * kMiB + 777;
  Words before, after;
  SECTION("zeros by a request") {}
  SECTION("zeros written") { before = {"--filter=nozero"}; }
  SECTION("in blocks that the disk's parts do not fit") {
    before = {"--filter=blocksize-policy"};
    after = {"blocksize-minimum=64K", "blocksize-preferred=64K", "blocksize-maximum=128K",
             "blocksize-error-policy=error"};
  }
  const std::string path = old_file(directory / "target", 4 * kMiB);
  Words arguments = {"file", path};
  arguments.insert(arguments.end(), after.begin(), after.end());
  const auto disk = new_disk(size);
  auto sink = opened(arguments, before);
  CHECK(sink->order() == Order::kAny);
  copy(*disk, *sink);
  Status committed = sink->commit();
  if (!committed) FAIL(committed.error().message);
  CHECK((read_file(path) == disk->text() + std::string(4 * kMiB - size, 'x')));
  CHECK(sink->counts().written + sink->counts().zeroed == size);
  CHECK(sink->contiguous_end() == size);
  CHECK_FALSE(has_children());
}

TEST_CASE("an export that is smaller than the disk is refused before anything is written") {
  TemporaryDirectory directory;
  const std::string path = old_file(directory / "target", kMiB);
  {
    auto sink = opened({"file", path});
    DiskInfo info = new_disk(4 * kMiB)->info();
    Status begun = sink->begin_disk(info);
    REQUIRE_FALSE(begun.ok());
    CHECK(begun.error().kind == ErrorKind::kRefused);
    CHECK(begun.error().message == "test: too small: 1048576 bytes, the disk has 4194304");
  }
  CHECK((read_file(path) == std::string(kMiB, 'x')));
  CHECK_FALSE(has_children());
}

TEST_CASE("a read-only export is no target") {
  auto sink = sink_to({"memory", "1M"}, {"-r"});
  REQUIRE_FALSE(sink.ok());
  CHECK(sink.error().kind == ErrorKind::kPermission);
}

TEST_CASE("what a target says is told: of a write, of zeros, of the flush, and of its end") {
  const auto error_of = [](const Words& arguments, const Words& before) {
    auto sink = opened(arguments, before);
    Status done = parallel_pump(*new_disk(3 * kMiB), new_disk(3 * kMiB)->whole_map(), *sink, 2, {});
    if (done) done = sink->commit();
    REQUIRE_FALSE(done.ok());
    return done.error();
  };
  const Error full = error_of({"memory", "4M", "error-pwrite=ENOSPC", "error-pwrite-rate=100%"}, {"--filter=error"});
  CHECK(full.kind == ErrorKind::kNoSpace);
  CHECK(full.message.find("test: write at ") == 0);
  const Error zeros = error_of({"memory", "4M", "error-zero=EIO", "error-zero-rate=100%"}, {"--filter=error"});
  CHECK(zeros.kind == ErrorKind::kSystem);
  CHECK(zeros.message.find("test: write zeroes at ") == 0);
  const Error flush =
      error_of({"eval", "get_size=echo 4194304", "pread=dd if=/dev/zero count=$3 bs=1 status=none",
                "pwrite=cat >/dev/null", "zero=true", "can_flush=true", "flush=echo EIO flush >&2; exit 1"},
               {});
  CHECK(flush.kind == ErrorKind::kSystem);
  CHECK(flush.message.find("test: flush") == 0);
  CHECK_FALSE(has_children());
}

TEST_CASE("a write that fails is told by the calls after it, and does not count as done") {
  auto sink = opened({"memory", "4M", "error-pwrite=EIO", "error-pwrite-rate=100%"}, {"--filter=error"});
  const auto disk = new_disk(4 * kMiB);
  REQUIRE(sink->begin_disk(disk->info()).ok());
  const auto data = [] { return Buffer::copy_of(std::as_bytes(std::span(std::string_view("data")))); };
  REQUIRE(sink->put({0, 4, Kind::kData, data()}).ok());  // begun only
  Status ended = sink->end_disk({});
  REQUIRE_FALSE(ended.ok());
  CHECK(ended.error().message == "test: write at 0: Input/output error");
  CHECK(sink->contiguous_end() == 0);
  Status put = sink->put({4, 4, Kind::kData, data()});
  REQUIRE_FALSE(put.ok());
  CHECK(put.error().message == ended.error().message);
  CHECK_FALSE(sink->commit().ok());
}

TEST_CASE("a sink that is given up waits for no write, and lets go of the data") {
  BufferPool pool(kMiB, 1);
  {
    auto sink = opened({"memory", "4M", "wdelay=600"}, {"--filter=delay"});
    REQUIRE(sink->begin_disk(new_disk(4 * kMiB)->info()).ok());
    Buffer data = pool.acquire(kMiB);
    std::ranges::fill(data.bytes(), std::byte{1});
    REQUIRE(sink->put({0, kMiB, Kind::kData, std::move(data)}).ok());
    CHECK(sink->contiguous_end() == 0);
  }
  CHECK(pool.acquire(kMiB).size() == kMiB);
  CHECK_FALSE(has_children());
}

TEST_CASE("a server that was started and does not end well is a failed commit") {
  NbdServer server;
  server.command = {"sh", "-c", "\"$@\"; exit 3", "sh", "nbdkit", "-f", "--filter=exitlast", "memory", "1M"};
  server.name = "test";
  // The listener's LISTEN_PID is the shell's: nbdkit is told the truth.
  server.command[2] = "sh -c 'export LISTEN_PID=$$; exec \"$@\"' sh \"$@\"; exit 3";
  auto sink = open_nbd_sink(server);
  if (!sink) FAIL(sink.error().message);
  Status committed = sink.value()->commit();
  REQUIRE_FALSE(committed.ok());
  CHECK(committed.error().message.find("ended with status 3") != std::string::npos);
}
