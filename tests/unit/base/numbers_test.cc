// endian.h, checked_math.h
#include <catch2/catch.hpp>

#include "base/checked_math.h"
#include "base/endian.h"

using namespace hx;

TEST_CASE("integers lie in the byte order that their type says") {
  CHECK(as_text(struct_bytes(Le16(0x0102))) == std::string_view("\x02\x01", 2));
  CHECK(as_text(struct_bytes(Be16(0x0102))) == std::string_view("\x01\x02", 2));
  CHECK(as_text(struct_bytes(Le32(0x01020304))) == std::string_view("\x04\x03\x02\x01", 4));
  CHECK(as_text(struct_bytes(Be32(0x01020304))) == std::string_view("\x01\x02\x03\x04", 4));
  CHECK(as_text(struct_bytes(Be64(0x0102030405060708))) == std::string_view("\x01\x02\x03\x04\x05\x06\x07\x08", 8));
  CHECK(as_text(struct_bytes(Le64(0x0102030405060708))) == std::string_view("\x08\x07\x06\x05\x04\x03\x02\x01", 8));
}

TEST_CASE("every bit of an integer survives") {
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t value = uint64_t{1} << bit;
    CHECK(uint64_t{Le64(value)} == value);
    CHECK(uint64_t{Be64(value)} == value);
  }
}

TEST_CASE("a struct is loaded from any address") {
  struct OnDisk {
    Be16 a;
    Le32 b;
  };
  const OnDisk value = load_struct<OnDisk>(as_bytes(std::string_view("?\x01\x02\x04\x03\x02\x01", 7)).subspan(1));
  CHECK(value.a == 0x0102);
  CHECK(value.b == 0x01020304u);
}

TEST_CASE("an overflow is nullopt") {
  CHECK(checked_add(UINT64_MAX - 1, 1) == UINT64_MAX);
  CHECK_FALSE(checked_add(UINT64_MAX, 1));
  CHECK(checked_mul(UINT64_MAX, 1) == UINT64_MAX);
  CHECK_FALSE(checked_mul(uint64_t{1} << 32, uint64_t{1} << 32));
}

TEST_CASE("a range fits when it ends before the end, whatever its numbers") {
  CHECK(fits_within(0, 0, 0));
  CHECK(fits_within(3, 7, 10));
  CHECK_FALSE(fits_within(3, 8, 10));
  CHECK_FALSE(fits_within(11, 0, 10));
  CHECK_FALSE(fits_within(UINT64_MAX, 2, 10));
  CHECK_FALSE(fits_within(2, UINT64_MAX, 10));
}

TEST_CASE("division rounds up and alignment rounds down, at the limits too") {
  CHECK(divide_round_up(0, 4) == 0);
  CHECK(divide_round_up(5, 4) == 2);
  CHECK(divide_round_up(UINT64_MAX, 2) == uint64_t{1} << 63);
  CHECK(align_down(4097, 4096) == 4096);
  CHECK(align_down(UINT64_MAX, 4096) == UINT64_MAX - 4095);
}
