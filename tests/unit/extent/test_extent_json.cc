#include <catch2/catch.hpp>

#include "extent/extent_json.h"

using namespace hx;

namespace {

std::vector<MapEntry> parsed(std::string_view text, NotPresent not_present = NotPresent::kAbsent) {
  Result<ExtentList> list = parse_map_json(text, not_present);
  if (!list) FAIL(list.error().message);
  return list->entries();
}
Error refused_text(std::string_view text) {
  Result<ExtentList> list = parse_map_json(text, NotPresent::kAbsent);
  REQUIRE_FALSE(list.ok());
  return list.error();
}

}  // namespace

TEST_CASE("a map survives its JSON") {
  ExtentList list;
  REQUIRE(list.append({0, 4096, Kind::kData}).ok());
  REQUIRE(list.append({4096, 1, Kind::kZero}).ok());
  REQUIRE(list.append({8192, uint64_t{1} << 60, Kind::kAbsent}).ok());
  CHECK(parsed(format_map_json(list)) == list.entries());
  CHECK(parsed(format_map_json(ExtentList())).empty());
  CHECK(format_map_json(list).starts_with(
      R"([{"start":0,"length":4096,"depth":0,"present":true,"zero":false,"data":true},)"));
}

TEST_CASE("qemu-img's own map is read") {
  const char* text =
      R"([{ "start": 0, "length": 65536, "depth": 0, "present": true, "zero": false, "data": true, "offset": 327680},
{ "start": 65536, "length": 65536, "depth": 0, "present": true, "zero": true, "data": false},
{ "start": 131072, "length": 917504, "depth": 1, "present": false, "zero": true, "data": false}])";
  CHECK(parsed(text) ==
        std::vector<MapEntry>{{0, 65536, Kind::kData}, {65536, 65536, Kind::kZero}, {131072, 917504, Kind::kAbsent}});
  CHECK(parsed(text, NotPresent::kZero) ==
        std::vector<MapEntry>{{0, 65536, Kind::kData}, {65536, 983040, Kind::kZero}});
  // Before QEMU 6.1 there was no "present".
  CHECK(parsed(R"([{"start":0,"length":512,"depth":0,"zero":true,"data":true}])") ==
        std::vector<MapEntry>{{0, 512, Kind::kZero}});
  // Neither promise: it must be read.
  CHECK(parsed(R"([{"start":0,"length":512,"depth":0,"zero":false,"data":false}])") ==
        std::vector<MapEntry>{{0, 512, Kind::kData}});
}

TEST_CASE("nbdinfo's map is decided by the description, not by the number") {
  const auto one = [](const std::string& description) {
    return parsed(R"([{"offset":0,"length":512,"type":1,"description":")" + description + "\"}]")[0].kind;
  };
  CHECK(one("data") == Kind::kData);
  CHECK(one("hole") == Kind::kData);  // unknown content
  CHECK(one("zero") == Kind::kZero);
  CHECK(one("hole,zero") == Kind::kZero);
  CHECK(one("dirty") == Kind::kData);
  CHECK(one("clean") == Kind::kAbsent);
  CHECK(one("local") == Kind::kData);
  CHECK(one("backing depth 2") == Kind::kAbsent);
  CHECK(one("unallocated") == Kind::kAbsent);
  CHECK(refused_text(R"([{"offset":0,"length":512,"type":9,"description":"purple"}])").kind == ErrorKind::kUnsupported);
}

TEST_CASE("a map that is no map is refused and the entry named") {
  const char* bad[] = {
      "",
      " \n",
      "[",
      "{}",
      "1",
      "[1]",
      "[[]]",
      "[{]}",
      "[{}]",
      "null",
      "[null]",
      "\"\"",
      "[{\"start\":0,\"length\":1",
      "]",
      R"([{"start":0,"length":512}])",
      R"([{"start":0,"zero":true,"data":false}])",
      R"([{"length":512,"zero":true,"data":false}])",
      R"([{"offset":0,"length":512,"type":0}])",
      R"([{"start":-1,"length":512,"zero":true,"data":false}])",
      R"([{"start":0.5,"length":512,"zero":true,"data":false}])",
      R"([{"start":"0","length":512,"zero":true,"data":false}])",
      R"([{"start":true,"length":512,"zero":true,"data":false}])",
      R"([{"start":0,"length":0,"zero":true,"data":false}])",
      R"([{"start":0,"length":512,"zero":1,"data":false}])",
      R"([{"start":0,"length":512,"zero":null,"data":false}])",
      R"([{"start":0,"length":512,"zero":true,"data":false,"more":{}}])",
      R"([{"start":0,"length":512,"zero":true,"data":false,"more":[]}])",
      R"([{"start":18446744073709551615,"length":512,"zero":true,"data":false}])",
      R"([{"start":99999999999999999999,"length":512,"zero":true,"data":false}])",
      R"([{"start":0,"length":512,"zero":true,"data":false},{"start":511,"length":512,"zero":true,"data":false}])",
      R"([{"start":0,"length":512,"zero":true,"data":false}] x)",
  };
  for (const char* text : bad) {
    INFO(text);
    const Error error = refused_text(text);
    CHECK(error.kind == ErrorKind::kDamaged);
    CHECK(error.message.starts_with("map"));
  }
  CHECK(refused_text(bad[std::size(bad) - 2]).message.find("entry 1") != std::string::npos);
}

TEST_CASE("unknown keys of a map entry are ignored") {
  CHECK(
      parsed(
          R"([{"start":0,"length":512,"zero":true,"data":false,"compressed":false,"filename":"x","n":null,"f":0.5,"i":-1}])") ==
      std::vector<MapEntry>{{0, 512, Kind::kZero}});
}

TEST_CASE("deep nesting exhausts nothing") {
  CHECK(refused_text(std::string(1000000, '[')).kind == ErrorKind::kDamaged);
  CHECK(refused_text("[" + std::string(1000000, '{')).kind == ErrorKind::kDamaged);
}
