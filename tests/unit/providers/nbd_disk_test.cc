#include <fcntl.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <thread>

#include "contract/extent_source_contract.h"
#include "extent/pump.h"
#include "extent/read_ahead.h"
#include "providers/nbd/nbd_disk.h"
#include "support/memory_disk.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;
using namespace std::chrono_literals;

namespace {

using Words = std::vector<std::string>;

// Of all tests of this program: what a server that is killed would leave in /tmp goes with it.
const struct OwnTemporaryFiles {
  OwnTemporaryFiles() { ::setenv("TMPDIR", directory.path().c_str(), 1); }
  TemporaryDirectory directory;
} own_temporary_files;

// A server of the test's own, started for the disk and gone with it.
NbdServer started(const Words& command) {
  NbdServer server;
  server.command = command;
  server.name = "test";
  return server;
}
NbdServer nbdkit(const Words& arguments) {
  NbdServer server = started({"nbdkit", "-f"});
  server.command.insert(server.command.end(), arguments.begin(), arguments.end());
  return server;
}
std::shared_ptr<DiskReader> opened(const Words& arguments, const NbdOptions& options = {}) {
  auto disk = open_nbd_disk(nbdkit(arguments), options);
  if (!disk) FAIL(disk.error().message);
  return disk.value();
}
std::string bytes_of(const DiskReader& disk, uint64_t offset, uint64_t length) {
  std::string text(length, '?');
  Status read = disk.read_at(offset, std::as_writable_bytes(std::span(text.data(), text.size())));
  if (!read) FAIL(read.error().message);
  return text;
}
Error error_of_read(const DiskReader& disk, uint64_t offset, uint64_t length) {
  std::vector<std::byte> out(length);
  Status read = disk.read_at(offset, out);
  REQUIRE_FALSE(read.ok());
  return read.error();
}
// 4 MiB and a bit, with data at 1 MiB and at the end.
std::string sparse_file(const std::string& path) {
  UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  const std::string text = pattern_text(1, 0, 200000);
  REQUIRE(::pwrite(fd.get(), text.data(), text.size(), kMiB) == 200000);
  REQUIRE(::pwrite(fd.get(), text.data(), text.size(), 4 * kMiB + 512 - 200000) == 200000);
  return path;
}
bool has_children() { return ::waitpid(-1, nullptr, WNOHANG) >= 0; }

}  // namespace

TEST_CASE("an NBD export is a disk, read by many threads over several connections") {
  TemporaryDirectory directory;
  const std::string path = sparse_file(directory / "d.img");
  {
    auto disk = opened({"-r", "file", path});
    CHECK(disk->info().size == 4 * kMiB + 512);
    CHECK(disk->info().key == "disk0");
    CHECK(disk->info().consistency.empty());
    CHECK(disk->name() == "test");
    const ExtentList map = disk->map(0, disk->info().size).value();
    CHECK(gaps(map, {{0, disk->info().size}}).empty());
    CHECK(map.bytes_of(Kind::kZero) > 2 * kMiB);
    CHECK(disk->map(100, 200).value().entries() == std::vector<MapEntry>{{100, 100, Kind::kZero}});
    CHECK(disk->map(7, 7).value().empty());
    expect_contract(*read_ahead(disk, map, {.threads = 8}), {read_file(path)});
    CHECK(bytes_of(*disk, kMiB + 3, 5) == pattern_text(1, 3, 5));
    CHECK(disk->check_unchanged().ok());
  }
  CHECK_FALSE(has_children());
}

TEST_CASE("an empty export is an empty disk") {
  auto disk = opened({"-r", "memory", "0"});
  CHECK(disk->info().size == 0);
  expect_contract(*read_ahead(disk, {}, {}), {""});
}

TEST_CASE("an export that clients may write is not proven unchanged") {
  CHECK(opened({"memory", "1M"})->info().consistency == "none");
}

TEST_CASE("only what the server says is zero is zero: a hole alone may hold anything") {
  const auto disk = opened({"-r", "eval", "get_size=echo 1048576", "pread=dd if=/dev/zero count=$3 bs=1 status=none",
                            "extents=echo 0 65536 hole; echo 65536 65536 zero; echo 131072 65536 hole,zero; "
                            "echo 196608 851968"});
  CHECK(disk->map(0, kMiB).value().entries() ==
        std::vector<MapEntry>{{0, 65536, Kind::kData}, {65536, 131072, Kind::kZero}, {196608, 851968, Kind::kData}});
  CHECK(disk->map(70000, 140000).value().entries() == std::vector<MapEntry>{{70000, 70000, Kind::kZero}});
}

TEST_CASE("block status that comes in small pieces is put together") {
  // The server tells of one extent at a time, and each is shorter than what it was asked for.
  const auto disk =
      opened({"-r", "eval", "get_size=echo 65536", "pread=dd if=/dev/zero count=$3 bs=1 status=none",
              "extents=n=$(( $4 / 4096 )); if [ $(( n % 2 )) = 0 ]; then t=zero; else t=; fi; echo $4 4096 $t"});
  const ExtentList map = disk->map(0, 65536).value();
  CHECK(map.entries().size() == 16);
  CHECK(map.bytes_of(Kind::kZero) == 32768);
}

TEST_CASE("without block status all is data, and zeros are found in it") {
  TemporaryDirectory directory;
  const std::string path = sparse_file(directory / "d.img");
  auto disk = opened({"-r", "--no-sr", "file", path});
  const ExtentList map = disk->map(0, disk->info().size).value();
  CHECK(map.bytes_of(Kind::kZero) == 0);
  auto source = read_ahead(disk, map, {});
  expect_contract(*source, {read_file(path)});
  CHECK(source->totals().zero_bytes > 2 * kMiB);
}

TEST_CASE("the server's block sizes are kept to, whatever is asked for") {
  TemporaryDirectory directory;
  const std::string path = sparse_file(directory / "d.img");
  auto disk = opened({"-r", "--filter=blocksize-policy", "file", path, "blocksize-minimum=512",
                      "blocksize-preferred=4096", "blocksize-maximum=64K", "blocksize-error-policy=error"});
  const std::string all = read_file(path);
  for (const auto& [offset, length] :
       std::vector<Range>{{0, kMiB}, {kMiB - 1, 3}, {kMiB + 511, 130000}, {0, all.size()}})
    CHECK((bytes_of(*disk, offset, length) == all.substr(offset, length)));
  expect_contract(*read_ahead(disk, disk->map(1, all.size() - 1).value(), {}),
                  {"?" + all.substr(1, all.size() - 2) + "?"});
}

TEST_CASE("what the server says of a request is told with its offset") {
  for (const auto& [name, kind] : {std::pair("EIO", ErrorKind::kSystem), {"EPERM", ErrorKind::kPermission}}) {
    auto disk = opened({"--filter=error", "memory", "4M", "error-pread-rate=100%", std::string("error-pread=") + name});
    const Error error = error_of_read(*disk, 2 * kMiB, 100);
    CHECK(error.kind == kind);
    CHECK(error.message.find("test: read at 2097152: ") == 0);
    CHECK(error_of_read(*disk, 0, kMiB).kind == kind);  // the connection lives on
  }
}

TEST_CASE("a server that is silent for too long is a temporary error, and is ended") {
  const auto begun = std::chrono::steady_clock::now();
  {
    auto disk = opened({"--filter=delay", "memory", "4M", "rdelay=600"}, {.timeout = 200ms});
    const Error error = error_of_read(*disk, kMiB, 2 * kMiB);
    CHECK(error.kind == ErrorKind::kTemporary);
    CHECK(error.reason == "timeout");
    CHECK(error.message.find("no answer within 200 ms") != std::string::npos);
    CHECK(error_of_read(*disk, 0, 1).kind == ErrorKind::kTemporary);  // at once
  }
  CHECK(std::chrono::steady_clock::now() - begun < 9s);
  CHECK_FALSE(has_children());
}

TEST_CASE("a server that says nothing at all is a temporary error") {
  auto disk = open_nbd_disk(started({"sleep", "600"}), {.timeout = 200ms});
  REQUIRE_FALSE(disk.ok());
  CHECK(disk.error().kind == ErrorKind::kTemporary);
  CHECK_FALSE(has_children());
}

TEST_CASE("a server that ends while it is read is a temporary error for all who wait") {
  TemporaryDirectory directory;
  auto disk = opened({"--filter=delay", "-P", directory / "pid", "memory", "4M", "rdelay=600"});
  std::vector<std::thread> readers;
  std::atomic<int> temporary = 0;
  for (int i = 0; i < 3; ++i)
    readers.emplace_back([&] {
      std::vector<std::byte> out(kMiB);
      Status read = disk->read_at(kMiB, out);
      if (!read && read.error().kind == ErrorKind::kTemporary && read.error().reason == "connection-lost") ++temporary;
    });
  ::kill(std::stoi(read_file(directory / "pid")), SIGKILL);
  for (std::thread& reader : readers) reader.join();
  CHECK(temporary == 3);
}

TEST_CASE("a server that cannot be started is told with its own words") {
  auto missing = open_nbd_disk(started({"/nowhere/nbd-server", "x"}));
  REQUIRE_FALSE(missing.ok());
  CHECK(missing.error().kind == ErrorKind::kUnsupported);
  CHECK(missing.error().message == "test: /nowhere/nbd-server: is not installed");
  auto failing = open_nbd_disk(nbdkit({"file", "/nowhere/disk"}));
  REQUIRE_FALSE(failing.ok());
  CHECK(failing.error().kind == ErrorKind::kSystem);
  CHECK(failing.error().reason == "server-failed");
  CHECK(failing.error().message.find("/nowhere/disk") != std::string::npos);
  CHECK_FALSE(has_children());
}

TEST_CASE("a server that is started has the descriptors that it is given") {
  TemporaryDirectory directory;
  write_file(directory / "d.img", "content");
  const UniqueFd fd(
      ::fcntl(UniqueFd(::open((directory / "d.img").c_str(), O_RDONLY | O_CLOEXEC)).get(), F_DUPFD_CLOEXEC, 20));
  REQUIRE(fd);
  NbdServer server = nbdkit({"-r", "file", "/proc/self/fd/" + std::to_string(fd.get())});
  server.inherited = {fd.get()};
  auto disk = open_nbd_disk(server);
  if (!disk) FAIL(disk.error().message);
  CHECK(bytes_of(*disk.value(), 0, 7) == "content");
}

TEST_CASE("nobody there, no URI, no such export: each is told apart") {
  TemporaryDirectory directory;
  const auto error_of = [](const std::string& uri) {
    NbdServer server;
    server.uri = uri;
    auto disk = open_nbd_disk(server, {.timeout = 2s});
    REQUIRE_FALSE(disk.ok());
    return disk.error();
  };
  CHECK(error_of("nbd+unix:///?socket=" + (directory / "missing")).kind == ErrorKind::kTemporary);
  CHECK(error_of("nbd://127.0.0.1:1").kind == ErrorKind::kTemporary);
  CHECK(error_of("nbd+unix:///").kind == ErrorKind::kUsage);
  const Error secret = error_of("nbd://me:geheim@127.0.0.1:1/disk");
  CHECK(secret.message.find("nbd://me@127.0.0.1:1/disk: ") == 0);
  CHECK(secret.message.find("geheim") == std::string::npos);
  // 'full' has only the export "".
  NbdServer server = nbdkit({"eval", "get_size=echo 0", "list_exports=echo NAMES; echo a", "pread=true",
                             "open=case $3 in a) ;; *) echo ENOENT >&2; exit 1;; esac"});
  server.export_name = "b";
  auto other = open_nbd_disk(server);
  REQUIRE_FALSE(other.ok());
  CHECK(other.error().message.find("'b'") != std::string::npos);
}
