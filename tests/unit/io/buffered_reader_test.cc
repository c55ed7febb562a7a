#include "io/buffered_reader.h"

#include <catch2/catch.hpp>

#include "io/fd_io.h"

using namespace hx;

namespace {

std::string take(BufferedReader& reader, size_t length) {
  std::string out(length, '\0');
  out.resize(reader.read_full(std::as_writable_bytes(std::span(out))).value());
  return out;
}

}  // namespace

TEST_CASE("what was read already comes first and is counted") {
  MemoryReader source(as_bytes("cdefghijkl"));
  BufferedReader reader(source, as_bytes("ab"), 4);
  CHECK(reader.offset() == 0);
  CHECK(take(reader, 1) == "a");
  CHECK(reader.offset() == 1);
  CHECK(take(reader, 3) == "bcd");
  CHECK(take(reader, 6) == "efghij");  // passes the buffer by
  CHECK(reader.offset() == 10);
  CHECK_FALSE(reader.at_end().value());
  CHECK(take(reader, 9) == "kl");
  CHECK(reader.offset() == 12);
  CHECK(reader.at_end().value());
}

TEST_CASE("looking for the end takes nothing") {
  MemoryReader source(as_bytes("x"));
  BufferedReader reader(source);
  CHECK_FALSE(reader.at_end().value());
  CHECK_FALSE(reader.at_end().value());
  CHECK(reader.offset() == 0);
  CHECK(take(reader, 5) == "x");
  CHECK(reader.at_end().value());
}
