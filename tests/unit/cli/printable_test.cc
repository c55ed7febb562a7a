#include "cli/printable.h"

#include <catch2/catch.hpp>

#include "base/json.h"

using namespace hx;

TEST_CASE("control characters of names do not reach the terminal") {
  CHECK(printable("plain name.img") == "plain name.img");
  CHECK(printable("a\033[2Jb\nc\x7f") == "a\\x1b[2Jb\\x0ac\\x7f");
  CHECK(printable("gr\u00f6\u00dfe\u2026 \u78c1\u76d8 \U0001F4BE") == "gr\u00f6\u00dfe\u2026 \u78c1\u76d8 \U0001F4BE");
  // C1: one character, or in an old terminal one byte, that begins an escape sequence.
  CHECK(printable("\u009b31m") == "\\x9b31m");
  CHECK(printable("\x9b"
                  "31m") == "\\x9b31m");
  CHECK(printable("\u0080\u009f\u00a0") == "\\x80\\x9f\u00a0");
}

TEST_CASE("what turns the direction of text around is shown as what it is") {
  CHECK(printable("a\u202egpj.exe") == "a\\xe2\\x80\\xaegpj.exe");
  for (const char* mark : {"\u061c", "\u200e", "\u200f", "\u2028", "\u2029", "\u202a", "\u2066", "\u2069"})
    CHECK(printable(mark).starts_with("\\x"));
  CHECK(printable("\u05d0\u0627") == "\u05d0\u0627");  // letters of such scripts stay
}

TEST_CASE("bytes that are no UTF-8 are escaped one by one") {
  CHECK(printable("\xff"
                  "a") == "\\xffa");
  CHECK(printable("\xc3") == "\\xc3");                    // cut
  CHECK(printable("\xc0\x9b") == "\\xc0\\x9b");           // overlong
  CHECK(printable("\xe0\x82\x9b") == "\\xe0\\x82\\x9b");  // overlong
  CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // half of a pair
  CHECK(printable("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
  CHECK(printable(std::string_view("\0", 1)) == "\\x00");
}

TEST_CASE("lines stay lines, and JSON stays the same value") {
  CHECK(printable_lines("a\tb\nc\rd\033") == "a\tb\nc\\x0dd\\x1b");
  const Json value = {{"name", "a\u009b\u202e\x7f\033\n\u00f6"}};
  const std::string text = printable_json(dump_json(value) + "\n");
  CHECK(text == "{\"name\":\"a\\u009b\\u202e\\u007f\\u001b\\n\u00f6\"}\n");
  CHECK(parse_json(text).value() == value);
}
