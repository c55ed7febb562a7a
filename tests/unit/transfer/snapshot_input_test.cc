#include "transfer/snapshot_input.h"
#include "base/json.h"

#include <catch2/catch.hpp>

#include "hash/sha256.h"
#include "support/inputs.h"
#include "transfer/describe.h"

using namespace hx;
using namespace hx::test;

TEST_CASE("inputs are told apart by what they are, in files and in pipes", "[snapshot_input]") {
  const struct {
    std::string bytes;
    InputKind kind;
  } inputs[] = {{sample_snapshot(), InputKind::kIndexed},
                {golden("good/hello"), InputKind::kPlain},
                {stream_of_disks(1), InputKind::kStream}};
  for (const auto& [bytes, kind] : inputs) {
    const MemoryFile file(bytes);
    auto in_file = SnapshotInput::open(file.path()).value();
    CHECK(in_file->kind() == kind);
    CHECK(in_file->is_file());
    CHECK(in_file->file_size() == bytes.size());
    std::string image;
    for (int again = 0; again < 2; ++again) {
      const auto disks = collect(*in_file->open_source(2).value());
      REQUIRE(disks.ok());
      image = disks.value().at(0).image();
    }
    auto far = SnapshotInput::open(std::make_shared<MemoryReader>(as_bytes(bytes), "https://far/away")).value();
    CHECK(far->kind() == kind);
    CHECK(far->is_file());
    for (int again = 0; again < 2; ++again) {
      const auto disks = collect(*far->open_source(2).value());
      REQUIRE(disks.ok());
      CHECK((disks.value().at(0).image() == image));
    }
    const FullPipe pipe(bytes);
    auto in_pipe = SnapshotInput::open(pipe.path()).value();
    CHECK(in_pipe->kind() == kind);
    CHECK_FALSE(in_pipe->is_file());
    const auto disks = collect(*in_pipe->open_source(2).value());
    REQUIRE(disks.ok());
    CHECK((disks.value().at(0).image() == image));
  }
}

TEST_CASE("what is neither snapshot nor stream is refused", "[snapshot_input]") {
  for (const char* text : {"", "M", "MIR", "HXS", "HXSTREAM", "qcow",
                           "\x7f"
                           "ELF and so on"}) {
    INFO(text);
    for (const bool piped : {false, true}) {
      const MemoryFile file(text);
      const FullPipe pipe(text);
      auto input = SnapshotInput::open(piped ? pipe.path() : file.path());
      // The beginning of a stream is one, until it is read.
      Status status = input.ok() ? Status() : Status(std::move(input).error());
      if (input.ok()) {
        auto disks = collect(*(*input)->open_source(1).value());
        REQUIRE_FALSE(disks.ok());
        status = Status(std::move(disks).error());
      }
      CHECK(status.error().kind == ErrorKind::kDamaged);
    }
  }
  CHECK(SnapshotInput::open("/").error().kind == ErrorKind::kUsage);
  CHECK(SnapshotInput::open("/nowhere/at/all").error().kind == ErrorKind::kUsage);
}

TEST_CASE("a snapshot is described without its body", "[describe]") {
  for (const Way way : {Way::kRewriting, Way::kUnsealed}) {
    const std::string bytes = sample_snapshot(way);
    MemoryFile file(bytes);
    // Frames are not looked at: the first one may be anything.
    auto input = SnapshotInput::open(file.path()).value();
    const uint64_t body = input->header().body_offset();
    REQUIRE(pwrite_fd(file.fd(), "memory", body, as_bytes("damaged!")).ok());
    auto described = describe_input(*input);
    if (!described) FAIL(described.error().message);
    const Json& json = *described;
    CHECK(json["format"] == "mirn");
    CHECK(json["version"] == 1);
    CHECK(json["name"] == "web-01");
    CHECK(json["size"] == 300000);
    CHECK(json["filesystem"] == "ext4");
    CHECK(json["sealed"] == (way == Way::kRewriting));
    CHECK(json["indexed"] == true);
    CHECK(json["chunk_size"] == 65536);
    CHECK(json["data_bytes"] == 2 * 65536);
    CHECK(json["zero_bytes"] == 300000 - 2 * 65536);
    CHECK(json["frames"] == 4);
    CHECK(json["pages"] == 1);
    CHECK(json["file_size"] == bytes.size());
    CHECK(json["checksum"] == Sha256::of(as_bytes(sample_disk()->text())).hex());
    CHECK(json["consistency"] == "unchanged");
    CHECK(json["machine_files"].size() == 1);
    CHECK(json["machine_files"][0]["name"] == "vm.vmx");
    const std::string text = format_description(json);
    CHECK_THAT(text, Catch::Matchers::Contains("web-01") && Catch::Matchers::Contains("vm.vmx"));
    CHECK_THAT(text, Catch::Matchers::Contains(way == Way::kRewriting ? ", sealed\n" : ", not sealed\n"));
  }
}

TEST_CASE("the original's snapshots, pipes and streams are described as far as they tell", "[describe]") {
  const MemoryFile original(golden("good/hello"));
  const Json plain = describe_input(*SnapshotInput::open(original.path()).value()).value();
  CHECK(plain["indexed"] == false);
  CHECK(plain["size"] == 34);
  CHECK(plain["checksum"] == "6b427e1517f1a658ba2f06a027a440416523823f81aafc19211ab5824239c30c");
  CHECK_FALSE(plain.contains("tree"));
  CHECK_FALSE(format_description(plain).empty());

  const FullPipe pipe(sample_snapshot());
  const Json piped = describe_input(*SnapshotInput::open(pipe.path()).value()).value();
  CHECK(piped["indexed"] == true);
  CHECK(piped["file_size"].is_null());
  CHECK_FALSE(piped.contains("tree"));
  CHECK_FALSE(format_description(piped).empty());

  const MemoryFile stream(stream_of_disks(2));
  const Json streamed = describe_input(*SnapshotInput::open(stream.path()).value()).value();
  CHECK(streamed["format"] == "stream");
  REQUIRE(streamed["disks"].size() == 2);
  CHECK(streamed["disks"][1]["key"] == "disk1");
  CHECK(streamed["disks"][1]["data_bytes"] == 20);
  CHECK(streamed["disks"][1]["machine_files"][0]["name"] == "vm.vmx");
  CHECK_FALSE(format_description(streamed).empty());
  const MemoryFile cut(stream_of_disks(2).substr(0, 500));
  CHECK(describe_input(*SnapshotInput::open(cut.path()).value()).error().kind == ErrorKind::kDamaged);
}
