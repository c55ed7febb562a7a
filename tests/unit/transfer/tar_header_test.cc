#include "transfer/tar_header.h"

#include <catch2/catch.hpp>

using namespace hx;

namespace {

unsigned sum_of(std::string block) {
  block.replace(148, 8, 8, ' ');
  unsigned sum = 0;
  for (const unsigned char byte : block) sum += byte;
  return sum;
}

}  // namespace

TEST_CASE("a tar header is one block of ustar where that has room", "[tar]") {
  const std::string header = tar_header({std::string(100, 'n'), 077777777777, 1});
  REQUIRE(header.size() == 512);
  CHECK(header.substr(0, 100) == std::string(100, 'n'));
  CHECK(header.substr(124, 12) == std::string("77777777777\0", 12));
  CHECK(header.substr(257, 8) == std::string("ustar\0"
                                             "00",
                                             8));
  CHECK(header[156] == '0');
  CHECK(std::stoul(header.substr(148, 6), nullptr, 8) == sum_of(header));
  CHECK(header.substr(154, 2) == std::string("\0 ", 2));
}

TEST_CASE("a pax header holds the name and the size for which ustar has no room", "[tar]") {
  const std::string name(101, 'n');
  const std::string header = tar_header({name, 0100000000000, 1});
  REQUIRE(header.size() == 3 * 512);
  CHECK(header[156] == 'x');
  CHECK(header.substr(512, 200).starts_with("111 path=" + name + "\n19 size=8589934592\n"));
  CHECK(header[1024 + 156] == '0');
  for (const size_t at : {0, 1024})
    CHECK(std::stoul(header.substr(at + 148, 6), nullptr, 8) == sum_of(header.substr(at, 512)));
}

TEST_CASE("what stands in a tar archive is whole blocks", "[tar]") {
  CHECK(tar_padding(0).empty());
  CHECK(tar_padding(1).size() == 511);
  CHECK(tar_padding(512).empty());
  CHECK(tar_padding(uint64_t{1} << 40 | 511) == std::string(1, '\0'));
  CHECK(tar_end() == std::string(1024, '\0'));
}
