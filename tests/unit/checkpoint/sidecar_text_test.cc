#include "checkpoint/sidecar_text.h"
#include "base/json.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <set>

#include "base/clock.h"
#include "base/time_text.h"
#include "checkpoint/describe_checkpoint.h"
#include "checkpoint/stored_location.h"
#include "hash/sha256.h"
#include "sample_checkpoint.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

std::string golden(const std::string& name) {
  return read_file(std::string(HX_TESTS_DIR) + "/golden/checkpoint/" + name + ".checkpoint");
}
std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(HX_TESTS_DIR) + "/golden/checkpoint/" + folder))
    names.push_back(folder + "/" + entry.path().stem().string());
  return names;
}

// The original's structs and their types, as a reader that knows nothing else: every key must be there with its type.
// (Go's own reader ignores keys that it does not know; it compares the version, and refuses a map's value of any other
// type than text.)
struct OriginalFile {
  std::string path, url, checksum, status;
  int64_t total_size, downloaded_size, retry_count;
};
std::vector<OriginalFile> read_as_the_original(const std::string& text) {
  const Json json = Json::parse(text);
  REQUIRE(json.at("version") == "1.0");
  for (const char* key : {"vm_name", "provider", "export_format", "output_path"}) REQUIRE(json.at(key).is_string());
  for (const char* key : {"created_at", "updated_at"}) REQUIRE(parse_rfc3339(json.at(key).get<std::string>()).ok());
  REQUIRE(json.at("metadata").is_object());
  for (const auto& [key, value] : json.at("metadata").items()) REQUIRE(value.is_string());
  REQUIRE(json.size() == 9);
  std::vector<OriginalFile> files;
  for (const Json& entry : json.at("files")) {
    for (const char* key : {"total_size", "downloaded_size", "retry_count"}) REQUIRE(entry.at(key).is_number_integer());
    for (const char* key : {"path", "url", "checksum", "status"}) REQUIRE(entry.at(key).is_string());
    REQUIRE(parse_rfc3339(entry.at("last_modified").get<std::string>()).ok());
    // Go takes a key that differs in case only for its own.
    for (const auto& [key, value] : entry.items())
      REQUIRE(std::ranges::none_of(key, [](char c) { return c >= 'A' && c <= 'Z'; }));
    files.push_back({entry.at("path"), entry.at("url"), entry.at("checksum"), entry.at("status"),
                     entry.at("total_size"), entry.at("downloaded_size"), entry.at("retry_count")});
  }
  return files;
}

}  // namespace

TEST_CASE("the original's sidecars load") {
  CHECK(names_in("good").size() >= 4);
  for (const std::string& name : names_in("good")) {
    INFO(name);
    Result<Checkpoint> loaded = parse_sidecar(golden(name));
    INFO((loaded.ok() ? "" : loaded.error().message));
    REQUIRE(loaded.ok());
    CHECK(loaded->vm_name == "web-server-01");
    // And again from our own text.
    const Checkpoint again = parse_sidecar(format_sidecar(loaded.value())).value();
    CHECK(again.files.size() == loaded->files.size());
    (void)read_as_the_original(format_sidecar(loaded.value()));
  }
  const Checkpoint seed = parse_sidecar(golden("good/seed")).value();
  CHECK(seed.provider == "vsphere");
  CHECK(seed.export_format == "ova");
  CHECK(seed.output_path == "/backups");
  CHECK(format_rfc3339(seed.updated_at) == "2026-01-23T10:15:30.000Z");
  REQUIRE(seed.files.size() == 2);
  CHECK(seed.files[0].status == FileStatus::kCompleted);
  CHECK(seed.files[0].total_size == 53687091200);
  CHECK(seed.files[1].status == FileStatus::kPending);
  CHECK(format_checkpoint(seed, Detail::kBrief) ==
        "Progress: 71.4%\nFiles: 2\n  disk-0.vmdk: completed (53687091200/53687091200 bytes)\n"
        "  disk-1.vmdk: pending (0/21474836480 bytes)\n");
  const Checkpoint go = parse_sidecar(golden("good/go-all-statuses")).value();
  CHECK(format_rfc3339(go.created_at) == "2026-01-23T09:00:00.123Z");
  CHECK(go.files[0].status == FileStatus::kDownloading);
  CHECK(go.files[0].ranges.empty());  // it does not say what is durable, so nothing is
  CHECK(go.files[0].retry_count == 3);
  CHECK(go.metadata.at("instance") == "i-1");
}

TEST_CASE("what is no checkpoint is refused, a newer one as such") {
  CHECK(names_in("bad").size() >= 15);
  for (const std::string& name : names_in("bad")) {
    INFO(name);
    Result<Checkpoint> loaded = parse_sidecar(golden(name));
    REQUIRE_FALSE(loaded.ok());
    CHECK(loaded.error().kind == (name == "bad/newer" ? ErrorKind::kUnsupported : ErrorKind::kDamaged));
    CHECK_FALSE(loaded.error().message.empty());
  }
}

TEST_CASE("ours is what the original reads, and comes back as it was") {
  const Checkpoint sample = sample_checkpoint();
  const std::string text = format_sidecar(sample);
  const auto files = read_as_the_original(text);
  REQUIRE(files.size() == sample.files.size());
  std::set<std::string> statuses;
  for (size_t i = 0; i < files.size(); ++i) {
    CHECK(files[i].path == sample.files[i].path);
    CHECK(files[i].total_size == static_cast<int64_t>(sample.files[i].total_size.value_or(0)));
    CHECK(files[i].downloaded_size == static_cast<int64_t>(sample.files[i].downloaded_size));
    statuses.insert(files[i].status);
  }
  CHECK(statuses == std::set<std::string>{"pending", "downloading", "completed", "failed"});
  Result<Checkpoint> again = parse_sidecar(text);
  INFO((again.ok() ? "" : again.error().message));
  REQUIRE(again.ok());
  CHECK(again.value() == sample);
}

TEST_CASE("what the original has rewritten, without our keys, loads, and claims nothing durable") {
  Json json = Json::parse(format_sidecar(sample_checkpoint()));
  for (Json& entry : json["files"])
    for (const char* key : {"ranges", "validator", "partial_checksum", "partial_state", "source", "disk", "in_place",
                            "check", "total_size_known"})
      entry.erase(key);
  const Checkpoint loaded = parse_sidecar(json.dump()).value();
  for (const FileCheckpoint& file : loaded.files) {
    CHECK(file.ranges.empty());
    CHECK_FALSE(file.partial);
  }
}

TEST_CASE("cut at every byte it is refused, with any bit flipped it never says that more is durable") {
  const Checkpoint sample = sample_checkpoint();
  const std::string text = format_sidecar(sample);
  for (size_t cut = 0; cut + 2 < text.size(); ++cut) REQUIRE_FALSE(parse_sidecar(text.substr(0, cut)).ok());
  for (size_t at = 0; at < text.size(); ++at) {
    std::string flipped = text;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << at % 7));
    const Result<Checkpoint> loaded = parse_sidecar(flipped);
    if (!loaded) continue;
    for (const FileCheckpoint& file : loaded.value().files) {
      const FileCheckpoint* original = sample.find(file.path);
      if (file.ranges.empty()) continue;  // its key was hit: nothing is claimed
      REQUIRE(original);
      REQUIRE(*original == file);
    }
  }
}

TEST_CASE("no secret reaches the text, whatever the value holds") {
  Checkpoint checkpoint = parse_sidecar(golden("good/seed")).value();
  checkpoint.files[0].url = "https://user:hunter2@s3/b/k?X-Amz-Signature=hunter2&versionId=7";
  checkpoint.files[1].url = "https://esx/nfc/52hunter2-77/disk-0.vmdk";
  checkpoint.files[1].source.location = "https://a.blob/c/d?sv=1&sig=hunter2#hunter2";
  checkpoint.metadata["from"] = "sftp://joe:hunter2@host/x";
  const std::string text = format_sidecar(checkpoint);
  CHECK(text.find("hunter2") == std::string::npos);
  CHECK(text.find("versionId=7") != std::string::npos);
  CHECK(text.find("disk-0.vmdk") != std::string::npos);
  // Of a file that somebody else wrote, too.
  Json theirs = Json::parse(golden("good/seed"));
  theirs["files"][0]["url"] = "https://u:hunter2@h/nfc/hunter2/a.vmdk?token=hunter2";
  const Checkpoint loaded = parse_sidecar(theirs.dump()).value();
  CHECK(format_checkpoint(loaded, Detail::kAll).find("hunter2") == std::string::npos);
  CHECK(dump_json(checkpoint_to_json(loaded)).find("hunter2") == std::string::npos);
}

TEST_CASE("one location signed twice is one, two are two") {
  const auto same = [](const char* a, const char* b) { return location_identity(a) == location_identity(b); };
  CHECK(same("https://b.s3/k?X-Amz-Date=1&X-Amz-Signature=a", "https://b.s3/k?X-Amz-Date=2&X-Amz-Signature=b"));
  CHECK(same("https://x.blob/c/d?sv=1&se=2&sig=a", "https://x.blob/c/d?sv=1&se=3&sig=b"));
  CHECK(same("https://u:a@h/f", "https://u:b@h/f"));
  CHECK(same("https://esx/nfc/one/disk.vmdk", "https://esx/nfc/two/disk.vmdk"));
  CHECK_FALSE(same("https://h/f?id=7", "https://h/f?id=8"));
  CHECK_FALSE(same("https://h/f?se=7", "https://h/f?se=8"));  // no SAS: a parameter like any other
  CHECK_FALSE(same("https://h/f", "https://h/g"));
  CHECK_FALSE(same("/a?sig=1", "/a?sig=2"));  // a file's name
}

TEST_CASE("paths that lead elsewhere are none") {
  for (const char* path : {"a", "a/b", ".a", "a..b", "..."}) CHECK(is_stored_path(path));
  for (const char* path : {"", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a/./b", "a\nb", "\xFF"})
    CHECK_FALSE(is_stored_path(path));
  CHECK_FALSE(is_stored_path(std::string(5000, 'a')));
}

TEST_CASE("of very many ranges the first are kept") {
  Checkpoint checkpoint = parse_sidecar(golden("good/go-no-files")).value();
  FileCheckpoint file;
  file.path = "a";
  file.total_size = 1 << 20;
  file.status = FileStatus::kDownloading;
  for (uint64_t i = 0; i < 70'000; ++i) file.ranges.add(4 * i, 4 * i + 1);
  file.downloaded_size = file.ranges.bytes();
  checkpoint.files.push_back(file);
  const Checkpoint loaded = parse_sidecar(format_sidecar(checkpoint)).value();
  CHECK(loaded.files[0].ranges.intervals().size() == 65'536);
  CHECK(loaded.files[0].downloaded_size == 65'536);
}
