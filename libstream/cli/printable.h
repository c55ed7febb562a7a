#pragma once
// Text that came from outside (names in files, on servers), as a terminal may have it: control characters (C0, DEL and
// C1, as UTF-8 or as one byte), what turns the direction of text around, line separators, and bytes that are no UTF-8
// are escaped.

#include <string>
#include <string_view>

namespace hx {

// One line: \xNN for each byte of such a character.
std::string printable(std::string_view text);
// The same, but new lines and tabs stay.
std::string printable_lines(std::string_view text);
// JSON, which stays the same value: \uNNNN in its strings.
std::string printable_json(std::string_view json);

}  // namespace hx
