#pragma once
// What we must know of a terminal, and the refusal to pour binary data into one.

#include <string>
#include <string_view>

#include "base/result.h"

namespace hx {

bool is_terminal(int fd);

struct TerminalSize {
  int columns = 80, rows = 24;
};
// The kernel's word, else COLUMNS and LINES, else 80 by 24.
TerminalSize terminal_size(int fd);

// What may be drawn: the environment's TERM and NO_COLOR, and the locale (setlocale() was called).
struct TerminalLook {
  bool cursor = true;    // the cursor can be moved; not with TERM=dumb or none
  bool color = true;     // not with NO_COLOR (no-color.org) or TERM=dumb
  bool unicode = false;  // the locale's character set is UTF-8
};
TerminalLook terminal_look();

// kUsage if fd is a terminal. what: "an extent stream", "a snapshot". The caller skips it with --force.
Status refuse_binary_to_terminal(int fd, std::string_view what);
// what: "an extent stream"
Status refuse_binary_from_terminal(int fd, std::string_view what);

// Columns that text takes: by wcwidth(3) in a UTF-8 locale, else bytes.
int columns_of(std::string_view text);
// Cut at the end to at most so many columns, with "…" or "~" where something is missing.
std::string fit_columns(std::string_view text, int columns, bool unicode);

}  // namespace hx
