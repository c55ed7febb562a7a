#include "tracking/export_metadata.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "base/time_text.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

// The seed's example, word for word.
constexpr const char* kSeed = R"({
  "vm_id": "my-vm", "vm_name": "my-vm", "export_time": "2026-02-03T10:30:15Z", "snapshot_id": "snapshot-123",
  "change_id": "global-change-id",
  "disk_change_ids": {"disk-2000": "52 b4/16", "disk-2001": "52 b4/8"},
  "export_path": "/backups/my-vm", "total_size": 48543252480,
  "disks": [{"key": "disk-2000", "path": "[datastore1] my-vm/my-vm.vmdk", "capacity_bytes": 53687091200,
    "change_id": "52 b4/16", "backing_info": "FlatVer2"}]})";

ExportMetadata at(const std::string& time) {
  ExportMetadata metadata = parse_export_metadata(kSeed).value();
  metadata.export_time = parse_rfc3339(time).value();
  return metadata;
}

}  // namespace

TEST_CASE("the seed's metadata is read, and written so that it is read as the same") {
  const ExportMetadata metadata = parse_export_metadata(kSeed).value();
  CHECK(metadata.total_size == 48543252480);
  REQUIRE(metadata.disks.size() == 1);
  CHECK(metadata.disks[0].change_id == "52 b4/16");
  const std::string text = format_export_metadata(metadata);
  CHECK(format_export_metadata(parse_export_metadata(text).value()) == text);
}

TEST_CASE("a disk without a change id of its own has that of the list") {
  const auto metadata = parse_export_metadata(R"({"export_time": "2026-02-03T10:30:15Z", "disk_change_ids": {"a": "x"},
    "disks": [{"key": "a", "change_id": ""}, {"key": "b"}]})");
  CHECK(metadata.value().disks[0].change_id == "x");
  CHECK(metadata.value().disks[1].change_id.empty());
}

TEST_CASE("metadata that is cut at any byte is damaged") {
  const std::string text = kSeed;
  for (size_t cut = 0; cut < text.size(); ++cut)
    CHECK(parse_export_metadata(text.substr(0, cut)).error().kind == ErrorKind::kDamaged);
  for (const char* wrong : {"[]", R"({"export_time": 1})", R"({"export_time": "2026-02-03T10:30:15Z", "disks": 1})",
                            R"({"export_time": "2026-02-03T10:30:15Z", "disks": [1]})",
                            R"({"export_time": "2026-02-03T10:30:15Z", "disk_change_ids": []})"})
    CHECK(parse_export_metadata(wrong).error().kind == ErrorKind::kDamaged);
}

TEST_CASE("a machine's newest export is latest.json, private and complete, older ones are pruned") {
  TemporaryDirectory directory;
  const MetadataStore store(directory / "state");
  CHECK_FALSE(store.latest("vm").value());
  CHECK(store.files("vm").value().empty());
  for (const char* day : {"01", "02", "03", "04"})
    REQUIRE(store.save("vm", at(std::string("2026-02-") + day + "T10:30:15Z")).ok());
  CHECK(store.latest("vm").value()->export_time == at("2026-02-04T10:30:15Z").export_time);
  struct stat status;
  REQUIRE(::stat((directory / "state/vm/latest.json").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  REQUIRE(store.files("vm").value().size() == 4);
  CHECK(store.files("vm").value().front() == directory / "state/vm/2026-02-01T10-30-15.000Z.json");
  CHECK(store.prune("vm", 1).value().size() == 3);
  CHECK(store.files("vm").value().size() == 1);
  CHECK(store.latest("vm").value());
  CHECK(store.machines().value() == std::vector<std::string>{"vm"});
  for (const char* wrong : {"", "..", "a/b", ".hidden"}) CHECK(store.latest(wrong).error().kind == ErrorKind::kUsage);
}

TEST_CASE("what HyperSDK left is read where there is nothing of ours") {
  TemporaryDirectory directory;
  ::setenv("HOME", (directory / "home").c_str(), 1);
  ::setenv("XDG_STATE_HOME", (directory / "state").c_str(), 1);
  std::filesystem::create_directories(directory / "home/.hypersdk/incremental/my-vm");
  write_file(directory / "home/.hypersdk/incremental/my-vm/2026.json", kSeed);
  std::filesystem::create_symlink("2026.json", directory / "home/.hypersdk/incremental/my-vm/latest.json");
  const MetadataStore store;
  CHECK(store.directory() == directory / "state/hx/incremental");
  CHECK(store.latest("my-vm").value()->snapshot_id == "snapshot-123");
  REQUIRE(store.save("my-vm", at("2026-03-01T00:00:00Z")).ok());
  CHECK(store.latest("my-vm").value()->export_time == at("2026-03-01T00:00:00Z").export_time);
}
