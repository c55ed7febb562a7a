#include "extent/map_text.h"

#include <catch2/catch.hpp>

#include "extent/bmap.h"
#include "extent/ddrescue_map.h"
#include "hash/sha256.h"

using namespace hx;

namespace {

using Entries = std::vector<MapEntry>;

Entries parsed(std::string_view text, NotPresent not_present = NotPresent::kAbsent) {
  Result<ExtentList> list = parse_map(text, not_present);
  if (!list) FAIL(list.error().message);
  return list->entries();
}
Error refused_text(std::string_view text) {
  Result<ExtentList> list = parse_map(text, NotPresent::kAbsent);
  REQUIRE_FALSE(list.ok());
  return list.error();
}
ExtentList list_of(const Entries& entries) {
  ExtentList list;
  for (const MapEntry& entry : entries) REQUIRE(list.append(entry).ok());
  return list;
}
ExtentList sample() {
  return list_of(
      {{0, 5000, Kind::kData}, {5000, 3000, Kind::kZero}, {40960, 4096, Kind::kData}, {49152, 100, Kind::kData}});
}

// A bmap whose checksum is right, whatever stands in it.
std::string bmap(std::string body, const std::string& version = "2.0", const std::string& type = "sha256") {
  std::string text = "<bmap version=\"" + version + "\"><ChecksumType>" + type + "</ChecksumType><BmapFileChecksum>" +
                     std::string(64, '0') + "</BmapFileChecksum>" + body + "</bmap>";
  return text.replace(text.find("000000"), 64, Sha256::of(as_bytes(text)).hex());
}
std::string sizes(const std::string& size, const std::string& block, const std::string& count,
                  const std::string& mapped) {
  return "<ImageSize>" + size + "</ImageSize><BlockSize>" + block + "</BlockSize><BlocksCount>" + count +
         "</BlocksCount><MappedBlocksCount> " + mapped + "  </MappedBlocksCount>";
}
std::string ranges(const std::string& text) { return "<BlockMap><Range> " + text + " </Range></BlockMap>"; }

}  // namespace

TEST_CASE("the form of a map shows in its first character") {
  CHECK(parsed(R"( [{"offset":0,"length":512,"type":0,"description":"data"}])") == Entries{{0, 512, Kind::kData}});
  CHECK(parsed("\n# x\n0 + 1\n0 512 +\n") == Entries{{0, 512, Kind::kData}});
  CHECK(parsed(bmap(sizes("512", "512", "1", "1") + ranges("0"))) == Entries{{0, 512, Kind::kData}});
  CHECK(refused_text(" \n").message == "map: is empty");
  CHECK(refused_text("hello").message.starts_with("map: not JSON"));
}

TEST_CASE("a map survives each form as far as the form goes") {
  CHECK(parsed(format_map(MapForm::kJson, sample(), 50000)) == sample().entries());
  // Blocks of 4 KiB, the last one cut at the end of the disk.
  CHECK(parsed(format_map(MapForm::kBmap, sample(), 49252)) == Entries{{0, 8192, Kind::kData},
                                                                       {8192, 32768, Kind::kAbsent},
                                                                       {40960, 4096, Kind::kData},
                                                                       {45056, 4096, Kind::kAbsent},
                                                                       {49152, 100, Kind::kData}});
  CHECK(parsed(format_map(MapForm::kDdrescue, sample(), 50000), NotPresent::kZero) ==
        Entries{{0, 5000, Kind::kData},
                {5000, 35960, Kind::kZero},
                {40960, 4096, Kind::kData},
                {45056, 4096, Kind::kZero},
                {49152, 100, Kind::kData},
                {49252, 748, Kind::kZero}});
  for (const MapForm form : {MapForm::kBmap, MapForm::kDdrescue}) {
    CHECK(parsed(format_map(form, ExtentList(), 0)).empty());
    CHECK(parsed(format_map(form, ExtentList(), 7)) == Entries{{0, 7, Kind::kAbsent}});
  }
}

TEST_CASE("a ddrescue map is as its manual says") {
  CHECK(parsed("# Mapfile.\n# more\n0x00120000     ?               1\n#      pos        size  status\n"
               "0x00000000  0x00117000  +\n0x00117000 0x200 -  # bad\n0x00117200\t0x1000 /\r\n0x00118200 32256 *\n"
               "0x00120000  01000  ?\n0x120200 1 +") ==
        Entries{{0, 0x117000, Kind::kData}, {0x117000, 0x9200, Kind::kAbsent}, {0x120200, 1, Kind::kData}});
  CHECK(parsed("0 +\n100 5 +") == Entries{{100, 5, Kind::kData}});
  const Range good[] = {{0, 512}, {1024, 0x100000000}};
  CHECK(format_ddrescue_map(to_range_set(good), Unfinished::kBad, 4096)
            .ends_with("status\n0x00000000  0x00000200  +\n0x00000200  0x00000200  -\n0x00000400  0x00000C00  +\n"));
}

TEST_CASE("a ddrescue map that is none is refused and the line named") {
  const char* bad[] = {"# only a comment",
                       "0",
                       "0 x 1",
                       "0 + 1 2",
                       "x + 1",
                       "0 + x",
                       "0 0 +",
                       "0 + 1\n0",
                       "0 + 1\n0 512",
                       "0 + 1\n0 512 + 9",
                       "0 + 1\n0 512 x",
                       "0 + 1\n0 512 F",
                       "0 + 1\n0x 512 +",
                       "0 + 1\n09 512 +",
                       "0 + 1\n-1 512 +",
                       "0 + 1\n0 0 +",
                       "0 + 1\n0 512 +\n513 1 +",
                       "0 + 1\n0 512 +\n511 1 +",
                       "0 + 1\n18446744073709551615 2 +",
                       "0 + 1\n99999999999999999999 2 +"};
  for (const char* text : bad) {
    INFO(text);
    const Error error = refused_text(text);
    CHECK(error.kind == ErrorKind::kDamaged);
    CHECK(error.message.starts_with("map: "));
  }
  CHECK(refused_text("# one\n0 + 1\n0 512 +\n513 1 +").message.starts_with("map: line 4"));
}

TEST_CASE("a bmap is checked against its counts") {
  CHECK(parsed(bmap(
            sizes("10000", "4096", "3", "2") + "<BlockMap><Range chksum=\"x\"> 0 </Range><Range>2</Range></BlockMap>",
            "2.1")) == Entries{{0, 4096, Kind::kData}, {4096, 4096, Kind::kAbsent}, {8192, 1808, Kind::kData}});
  const std::string good = sizes("10000", "4096", "3", "2");
  const std::string bad[] = {
      good + ranges("0"),
      good + ranges("0-2"),
      good + ranges("2-3"),
      good + ranges("1-0"),
      good + ranges("0-"),
      good + ranges("-1"),
      good + ranges("x"),
      good + ranges("0-18446744073709551615"),
      good + "<BlockMap><Range>1</Range><Range>0</Range></BlockMap>",
      good + "<BlockMap><Range>1</Range><Range>1</Range></BlockMap>",
      good,
      sizes("10000", "4096", "2", "1") + ranges("0"),
      sizes("10000", "0", "3", "1") + ranges("0"),
      sizes("-1", "4096", "3", "1") + ranges("0"),
      sizes("18446744073709551616", "4096", "3", "1") + ranges("0"),
      sizes("", "4096", "3", "1") + ranges("0"),
      ranges("0"),
  };
  for (const std::string& body : bad) {
    INFO(body);
    CHECK(refused_text(bmap(body)).kind == ErrorKind::kDamaged);
  }
  CHECK(refused_text(bmap(good, "1.3")).kind == ErrorKind::kUnsupported);
  CHECK(refused_text(bmap(good, "20.1")).kind == ErrorKind::kUnsupported);
  CHECK(refused_text(bmap(good, "2.0", "sha512")).kind == ErrorKind::kUnsupported);
  CHECK(
      parsed(bmap(sizes("18446744073709551615", "1", "18446744073709551615", "1") + ranges("18446744073709551614"))) ==
      Entries{{0, 18446744073709551614u, Kind::kAbsent}, {18446744073709551614u, 1, Kind::kData}});
}

TEST_CASE("a bmap or ddrescue map that was cut or changed anywhere is refused, or the same") {
  const std::string text = format_map(MapForm::kBmap, sample(), 49252);
  const Entries whole = parsed(text);
  for (size_t at = 0; at < text.size(); ++at) {
    INFO(at);
    if (text.substr(at).find_first_not_of('\n') != std::string::npos)
      CHECK_FALSE(parse_map(text.substr(0, at), NotPresent::kAbsent).ok());
    std::string flipped = text;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    CHECK_FALSE(parse_map(flipped, NotPresent::kAbsent).ok());
  }
  const std::string lines = format_map(MapForm::kDdrescue, sample(), 50000);
  for (size_t at = 0; at < lines.size(); ++at) (void)parse_map(lines.substr(0, at), NotPresent::kAbsent);
}

TEST_CASE("hostile XML exhausts nothing") {
  std::string deep;
  for (int i = 0; i < 1000000; ++i) deep += "<a>";
  CHECK(refused_text(deep).kind == ErrorKind::kDamaged);
  for (int i = 0; i < 1000000; ++i) deep += "</a>";
  CHECK(refused_text(deep).message == "map: XML, but no bmap");
  CHECK(refused_text("<" + std::string(17 << 20, 'a')).message == "map: a bmap longer than 16 MiB");
  CHECK(refused_text("<!DOCTYPE a [<!ENTITY b \"&c;&c;\"><!ENTITY c \"xx\">]><bmap version=\"&b;\"/>").kind ==
        ErrorKind::kUnsupported);
}
