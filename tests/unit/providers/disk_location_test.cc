#include "providers/local/disk_location.h"
#include "providers/provider_list.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "support/temporary_directory.h"

using namespace hx;

namespace {

// A directory of its own, in which the test stands.
struct Directory : test::TemporaryDirectory {
  std::filesystem::path before = std::filesystem::current_path();
  Directory() { std::filesystem::current_path(path()); }
  ~Directory() { std::filesystem::current_path(before); }
  void write(const std::string& name, const std::string& content) const { test::write_file(*this / name, content); }
  LocationOptions options(ImageFormat format = ImageFormat::kBySuffix) const {
    return {.format = format, .in_use = InUse::kRefuse, .sources_path = *this / "sources.json"};
  }
};

Error failure(Result<std::vector<LocatedDisk>> result) {
  REQUIRE_FALSE(result.ok());
  return std::move(result).error();
}

}  // namespace

TEST_CASE("the form of a location says what it is") {
  auto [text, kind, name] = GENERATE(table<std::string, LocationKind, std::string>({
      {"disk.img", LocationKind::kWord, "disk.img"},
      {"vm", LocationKind::kWord, "vm"},
      {"/dev/vg/lv", LocationKind::kPath, "/dev/vg/lv"},
      {"./nbd:x", LocationKind::kPath, "./nbd:x"},
      {"/a/b:c", LocationKind::kPath, "/a/b:c"},
      {"what:ever", LocationKind::kPath, "what:ever"},
      {"disk:vm", LocationKind::kAlias, "vm"},
      {"nbd://host/x", LocationKind::kScheme, "nbd://host/x"},
      {"nbd+unix:///x?socket=/s", LocationKind::kScheme, "nbd+unix:///x?socket=/s"},
      {"s3://bucket/key", LocationKind::kScheme, "s3://bucket/key"},
      {"ebs:snap-1", LocationKind::kScheme, "ebs:snap-1"},
      {"vsphere:/DC/vm/web-01", LocationKind::kScheme, "vsphere:/DC/vm/web-01"},
  }));
  DiskLocation location = parse_location(text);
  CAPTURE(text);
  CHECK(location.kind == kind);
  CHECK(location.name == name);
}

TEST_CASE("the suffix of another format is seen in any case and before a fragment") {
  CHECK(image_suffix("a/disk.qcow2") == ".qcow2");
  CHECK(image_suffix("DISK.VMDK") == ".vmdk");
  CHECK(image_suffix("disk.qcow2#snapshot=a/b") == ".qcow2");
  CHECK(image_suffix("disk.qcow2.img").empty());
  CHECK(image_suffix("dir.vhd/disk.img").empty());
  CHECK(image_suffix("qcow2").empty());
}

TEST_CASE("a file is opened as a raw disk and named after itself") {
  Directory dir;
  dir.write("web.img", "twelve bytes");
  for (const std::string& text : {std::string("web.img"), std::string("./web.img"), dir / "web.img"}) {
    auto disks = open_location(text, dir.options()).value();
    REQUIRE(disks.size() == 1);
    CHECK(disks[0].reader->info().size == 12);
    CHECK(disks[0].name == "web");
  }
}

TEST_CASE("a scheme that this version does not have is not supported") {
  Directory dir;
  Error error = failure(open_location("vsphere:/DC/vm/web", dir.options()));
  CHECK(error.kind == ErrorKind::kUnsupported);
  CHECK(error.message == "vsphere:/DC/vm/web: this version cannot read disks from vsphere:");
}

TEST_CASE("a name with another format's suffix is that format or refused, unless raw is asked for") {
  Directory dir;
  dir.write("disk.qcow2", "raw bytes");
  dir.write("disk.vdi", "raw bytes");
  Error error = failure(open_location("disk.vdi", dir.options()));
  CHECK(error.kind == ErrorKind::kUnsupported);
  CHECK(error.hint == "--format raw takes the file's bytes as they are");
  error = failure(open_location("disk.qcow2", dir.options()));
  CHECK(error.kind == ErrorKind::kDamaged);
  CHECK(error.message == "disk.qcow2: is no qcow2 image");
  CHECK(open_location("disk.qcow2", dir.options(ImageFormat::kRaw)).value()[0].reader->info().size == 9);
}

TEST_CASE("what is inside a file never selects a format") {
  Directory dir;
  dir.write("disk.img", "QFI\xfb" + std::string(508, '\1'));
  CHECK(open_location("disk.img", dir.options()).value()[0].reader->info().size == 512);
}

TEST_CASE("a word that is no file is an alias, and its name is the disk's") {
  Directory dir;
  dir.write("a.img", "aaa");
  dir.write("b.img", "bb");
  dir.write("sources.json", R"({"sources":{"vm":{"location":"a.img"},"pair":{"locations":["b.img","disk:vm"]}}})");
  auto one = open_location("vm", dir.options()).value();
  REQUIRE(one.size() == 1);
  CHECK(one[0].name == "vm");
  CHECK(one[0].reader->info().size == 3);
  auto two = open_location("disk:pair", dir.options()).value();
  REQUIRE(two.size() == 2);
  CHECK(two[0].name == "b");
  CHECK(two[1].reader->info().size == 3);
}

TEST_CASE("a file goes before an alias of its name, unless the alias is meant") {
  Directory dir;
  dir.write("vm", "the file");
  dir.write("a.img", "a");
  dir.write("sources.json", R"({"sources":{"vm":{"location":"a.img"}}})");
  CHECK(open_location("vm", dir.options()).value()[0].reader->info().size == 8);
  CHECK(open_location("disk:vm", dir.options()).value()[0].reader->info().size == 1);
}

TEST_CASE("a fault in the file of aliases hinders nobody who names a file") {
  Directory dir;
  dir.write("a.img", "a");
  dir.write("sources.json", "garbage");
  CHECK(open_location("a.img", dir.options()).ok());
  CHECK(failure(open_location("vm", dir.options())).kind == ErrorKind::kUsage);
}

TEST_CASE("an alias of what cannot be read says which alias it was") {
  Directory dir;
  dir.write("sources.json", R"({"sources":{"vm":{"location":"gone.img"},"web":{"location":"gs://b/k"}}})");
  Error gone = failure(open_location("vm", dir.options()));
  CHECK(gone.kind == ErrorKind::kUsage);
  CHECK(gone.message.starts_with("alias vm: " + (dir / "gone.img")));
  CHECK(failure(open_location("web", dir.options())).kind == ErrorKind::kUnsupported);
}

TEST_CASE("what is missing or no disk is wrong usage") {
  Directory dir;
  for (const char* text : {"typo", "typo.img", "./typo.img", "/nonexistent/x", "disk:", "disk:vm", "", "."}) {
    CAPTURE(text);
    CHECK(failure(open_location(text, dir.options())).kind == ErrorKind::kUsage);
  }
}
