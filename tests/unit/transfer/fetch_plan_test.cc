#include "transfer/fetch_plan.h"

#include <catch2/catch.hpp>
#include <filesystem>

#include "support/temporary_directory.h"

using namespace hx;

namespace {

struct Directory : test::TemporaryDirectory {
  std::string write(const std::string& name, const std::string& content) const {
    test::write_file(*this / name, content);
    return *this / name;
  }
};

std::vector<Range> ranges_of_plan(const DiskToFetch& disk) {
  std::vector<Range> ranges;
  for (const MapEntry& entry : disk.what.entries()) ranges.push_back({entry.offset, entry.length});
  return ranges;
}

Error failure(Result<std::vector<DiskToFetch>> result) {
  REQUIRE_FALSE(result.ok());
  return std::move(result).error();
}

ExtentList list_of(std::initializer_list<MapEntry> entries) {
  ExtentList list;
  for (const MapEntry& entry : entries) REQUIRE(list.append(entry).ok());
  return list;
}

}  // namespace

TEST_CASE("disks get unique keys, their names, and the files go with the first") {
  Directory dir;
  FetchRequest request;
  request.locations = {dir.write("root.img", std::string(1000, 'r')), dir.write("data.img", std::string(10, 'd'))};
  request.files = {{"vm.xml", "<domain/>"}};
  auto source = fetch_source(plan_fetch(request).value(), {});
  std::vector<DiskInfo> infos;
  for (;;) {
    auto info = source->next_disk().value();
    if (!info) break;
    infos.push_back(*info);
    uint64_t bytes = 0;
    while (auto extent = source->next().value()) bytes += extent->length;
    CHECK(bytes == info->size);
  }
  REQUIRE(infos.size() == 2);
  CHECK(infos[0].key == "disk0");
  CHECK(infos[0].name == "root");
  REQUIRE(infos[0].files.size() == 1);
  CHECK(infos[0].files[0].content == "<domain/>");
  CHECK(infos[1].key == "disk1");
  CHECK(infos[1].files.empty());
}

TEST_CASE("of a disk only the wanted ranges are read, in order and joined") {
  Directory dir;
  FetchRequest request;
  request.locations = {dir.write("a.img", std::string(1000, 'a'))};
  request.ranges = {{500, 100}, {100, 50}, {550, 100}};
  auto plan = plan_fetch(request).value();
  CHECK(ranges_of_plan(plan[0]) == std::vector<Range>{{100, 50}, {500, 150}});
}

TEST_CASE("a list of extents is what it says of data and zeros, clipped to the disk and to the ranges") {
  Directory dir;
  FetchRequest request;
  request.locations = {dir.write("a.img", std::string(1000, 'a'))};
  request.extents =
      list_of({{0, 100, Kind::kData}, {100, 300, Kind::kAbsent}, {400, 100, Kind::kZero}, {900, 5000, Kind::kData}});
  auto plan = plan_fetch(request).value();
  CHECK(ranges_of_plan(plan[0]) == std::vector<Range>{{0, 100}, {400, 100}, {900, 100}});
  request.ranges = {{50, 400}};
  plan = plan_fetch(request).value();
  CHECK(ranges_of_plan(plan[0]) == std::vector<Range>{{50, 50}, {400, 50}});
}

TEST_CASE("a range beyond the disk is wrong usage") {
  Directory dir;
  FetchRequest request;
  request.locations = {dir.write("a.img", std::string(1000, 'a'))};
  request.ranges = {{900, 101}};
  Error error = failure(plan_fetch(request));
  CHECK(error.kind == ErrorKind::kUsage);
  CHECK(error.message.find("the range 900+101 ends beyond the disk, which has 1000 bytes") != std::string::npos);
}

TEST_CASE("ranges, extents and a name are for one disk") {
  Directory dir;
  FetchRequest request;
  request.locations = {dir.write("a.img", "a"), dir.write("b.img", "b")};
  FetchRequest ranged = request, listed = request, named = request;
  ranged.ranges = {{0, 1}};
  listed.extents = list_of({{0, 1, Kind::kData}});
  named.name = "vm";
  for (const FetchRequest& each : {ranged, listed, named}) CHECK(failure(plan_fetch(each)).kind == ErrorKind::kUsage);
  CHECK(plan_fetch(request).ok());
}

TEST_CASE("a name that could become a path is refused") {
  Directory dir;
  FetchRequest request;
  request.locations = {dir.write("a.img", "a")};
  for (const char* name : {"a/b", "..", "a\nb"}) {
    request.name = name;
    CHECK(failure(plan_fetch(request)).kind == ErrorKind::kUsage);
  }
  request.name = "web-01";
  CHECK(plan_fetch(request).value()[0].name == "web-01");
}

TEST_CASE("machine files have leaf names, a cap, and no doubles") {
  Directory dir;
  CHECK(read_machine_file(dir.write("vm.vmx", "x")).value().name == "vm.vmx");
  CHECK(read_machine_file(dir / "gone").error().kind == ErrorKind::kUsage);
  CHECK(read_machine_file(dir.path()).error().kind == ErrorKind::kUsage);
  std::string large = dir.write("large", "");
  std::filesystem::resize_file(large, 16 * kMiB);
  CHECK(read_machine_file(large).value().content.size() == 16 * kMiB);
  std::filesystem::resize_file(large, 16 * kMiB + 1);
  CHECK(read_machine_file(large).error().kind == ErrorKind::kUnsupported);
  FetchRequest request;
  request.locations = {dir.write("a.img", "a")};
  request.files = {{"vm.xml", "1"}, {"vm.xml", "2"}};
  CHECK(failure(plan_fetch(request)).kind == ErrorKind::kUsage);
}

TEST_CASE("a list of extents is read from a file") {
  Directory dir;
  auto list = read_extents(
      dir.write("map.json", R"([{"start":0,"length":10,"depth":0,"present":true,"zero":false,"data":true}])"));
  CHECK(list.value() == list_of({{0, 10, Kind::kData}}));
  std::string bad = dir.write("bad.json", "[");
  auto failed = read_extents(bad);
  REQUIRE_FALSE(failed.ok());
  CHECK(failed.error().message.starts_with(bad));
}
