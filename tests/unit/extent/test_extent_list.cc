#include <catch2/catch.hpp>

#include "extent/extent_list.h"

using namespace hx;

TEST_CASE("an extent list joins neighbours of one kind") {
  ExtentList list;
  REQUIRE(list.append({0, 10, Kind::kData}).ok());
  REQUIRE(list.append({10, 5, Kind::kData}).ok());
  REQUIRE(list.append({15, 5, Kind::kZero}).ok());
  REQUIRE(list.append({30, 5, Kind::kZero}).ok());
  CHECK(list.entries() == std::vector<MapEntry>{{0, 15, Kind::kData}, {15, 5, Kind::kZero}, {30, 5, Kind::kZero}});
  CHECK(list.bytes_of(Kind::kData) == 15);
  CHECK(list.bytes_of(Kind::kZero) == 10);
  CHECK(list.bytes_of(Kind::kAbsent) == 0);
}

TEST_CASE("an extent list refuses what is empty, overlaps or overflows, and stays as it was") {
  ExtentList list;
  REQUIRE(list.append({10, 10, Kind::kData}).ok());
  const MapEntry bad[] = {
      {20, 0, Kind::kData}, {19, 5, Kind::kData}, {0, 5, Kind::kZero}, {~uint64_t{0}, 2, Kind::kData}};
  for (const MapEntry& entry : bad) {
    Status appended = list.append(entry);
    REQUIRE_FALSE(appended.ok());
    CHECK(appended.error().kind == ErrorKind::kDamaged);
    CHECK(appended.error().message.find("extent at " + std::to_string(entry.offset)) == 0);
  }
  CHECK(list.entries() == std::vector<MapEntry>{{10, 10, Kind::kData}});
}

TEST_CASE("a leaf name cannot leave its directory or steer a terminal") {
  for (const char* good : {"a", "web-01.example", "..x", "ä", " "}) CHECK(is_leaf_name(good));
  for (const char* bad : {"", ".", "..", "a/b", "/", "a\nb", "\x1b[2J", "\x7f"}) {
    CHECK_FALSE(is_leaf_name(bad));
    CHECK(is_leaf_name(to_leaf_name(bad)));
  }
  CHECK_FALSE(is_leaf_name(std::string(256, 'a')));
  CHECK(to_leaf_name(std::string(256, 'a')) == std::string(255, 'a'));
  CHECK(to_leaf_name("dc/vm 1") == "dc_vm 1");
}
