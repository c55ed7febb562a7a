#include "transfer/pack_sink.h"
#include "base/json.h"

#include <catch2/catch.hpp>

#include "support/inputs.h"
#include "support/snapshot_reading.h"

using namespace hx;
using namespace hx::test;

namespace {

PackOptions options_for_test() {
  PackOptions options;
  options.timestamp = "2026-11-21T12:00:00Z";
  options.created_by = "test";
  return options;
}
Status pump_disks(PackSink& sink, std::vector<std::shared_ptr<MemoryDisk>> disks) {
  for (const auto& disk : disks) HX_TRY(pump(*read_ahead(disk, disk->whole_map(), {}), sink, {}));
  return {};
}
std::shared_ptr<MemoryDisk> named(const std::string& key, const std::string& name, uint64_t seed = 1) {
  auto disk = std::make_shared<MemoryDisk>(100000, std::vector<MapEntry>{{5, 1000, Kind::kData}}, seed);
  disk->mutable_info().key = key;
  disk->mutable_info().name = name;
  return disk;
}

}  // namespace

TEST_CASE("a snapshot appears under its name when it is committed, and not before", "[pack_sink]") {
  TemporaryDirectory dir;
  {
    const auto sink = pack_into_file(dir / "a.mirn", Overwrite::kRefuse, options_for_test()).value();
    REQUIRE(pump_disks(*sink, {sample_disk()}).ok());
    CHECK_FALSE(std::filesystem::exists(dir / "a.mirn"));
    REQUIRE(sink->commit().ok());
    REQUIRE(sink->packed().size() == 1);
    CHECK(sink->packed()[0].path == dir / "a.mirn");
    CHECK(sink->packed()[0].file_count == 1);
    CHECK(to_json(sink->packed()[0])["sealed"] == true);
    CHECK(to_json(sink->packed()[0])["size"] == 300000);
  }
  CHECK((read_by_place(read_file(dir / "a.mirn")).value() == sample_disk()->text()));
  {
    const auto sink = pack_into_file(dir / "b.mirn", Overwrite::kRefuse, options_for_test()).value();
    REQUIRE(pump_disks(*sink, {sample_disk()}).ok());
    CHECK(pump_disks(*sink, {sample_disk()}).error().kind == ErrorKind::kUnsupported);
  }
  {
    const auto sink = pack_into_file(dir / "c.mirn", Overwrite::kRefuse, options_for_test()).value();
    CHECK(sink->commit().error().kind == ErrorKind::kDamaged);  // no disk
  }
  {
    const auto disk = sample_disk();
    disk->fail_at(105, damaged("disk: no"));
    const auto sink = pack_into_file(dir / "d.mirn", Overwrite::kRefuse, options_for_test()).value();
    CHECK(sink->put_disk(*disk, disk->whole_map(), {}).error().message == "disk: no");
  }
  CHECK(dir.count() == 1);
}

TEST_CASE("to a file on stdout the header is rewritten where the snapshot begins, to a pipe it is spooled, or unsealed",
          "[pack_sink]") {
  const std::string image = sample_disk()->text();
  const MemoryFile file("before|and a long tail that must go" + std::string(100000, 'x'));
  ::lseek(file.fd(), 7, SEEK_SET);
  {
    const auto sink = pack_to_fd(file.fd(), Sealing::kSpool, "/nowhere/at/all", options_for_test());
    REQUIRE(pump_disks(*sink, {sample_disk()}).ok());
    REQUIRE(sink->commit().ok());
  }
  CHECK(file.content().substr(0, 7) == "before|");
  CHECK((read_by_place(file.content().substr(7)).value() == image));
  for (const Sealing sealing : {Sealing::kSpool, Sealing::kUnsealed}) {
    int fds[2];
    REQUIRE(::pipe2(fds, O_CLOEXEC) == 0);
    const UniqueFd reading(fds[0]);
    UniqueFd writing(fds[1]);
    {
      const auto sink = pack_to_fd(writing.get(), sealing, "/var/tmp", options_for_test());
      REQUIRE(pump_disks(*sink, {sample_disk()}).ok());
      REQUIRE(sink->commit().ok());
      CHECK(sink->packed()[0].totals.sealed == (sealing == Sealing::kSpool));
    }
    writing.reset();
    std::string bytes(60000, '\0');
    FdReader in(reading.get(), "pipe");
    bytes.resize(in.read_full(std::as_writable_bytes(std::span(bytes))).value());
    CHECK((read_in_sequence(bytes).value() == image));
  }
}

TEST_CASE("several disks are a file each, and a manifest", "[pack_sink]") {
  TemporaryDirectory dir;
  const auto a = named("disk0", "web", 1), b = named("disk1", "web", 2), c = named("disk2", "", 3);
  const std::string into = dir / "new";
  {
    const auto sink = pack_into_directory(into, Overwrite::kRefuse, options_for_test());
    REQUIRE(pump_disks(*sink, {a, b, c}).ok());
    REQUIRE(sink->commit().ok());
  }
  CHECK((read_by_place(read_file(into + "/web.mirn")).value() == a->text()));
  CHECK((read_by_place(read_file(into + "/web-disk1.mirn")).value() == b->text()));
  CHECK((read_by_place(read_file(into + "/disk2.mirn")).value() == c->text()));
  const Json manifest = parse_json(read_file(into + "/manifest.json")).value();
  CHECK(manifest["type"] == "manifest");
  REQUIRE(manifest["disks"].size() == 3);
  CHECK(manifest["disks"][1]["file"] == "web-disk1.mirn");
  CHECK(manifest["disks"][1]["key"] == "disk1");
  CHECK(std::distance(std::filesystem::directory_iterator(into), {}) == 4);
}

TEST_CASE("when one disk fails, none of the others appears", "[pack_sink]") {
  TemporaryDirectory dir;
  const auto a = named("disk0", "a"), b = named("disk1", "b");
  b->set_changed(source_changed("disk: changed"));
  {
    const auto sink = pack_into_directory(dir.path(), Overwrite::kRefuse, options_for_test());
    CHECK(pump_disks(*sink, {a, b}).error().kind == ErrorKind::kChanged);
  }
  CHECK(dir.count() == 0);
}
