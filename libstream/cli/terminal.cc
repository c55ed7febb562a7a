#include "cli/terminal.h"

#include <langinfo.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <cwchar>

namespace hx {
namespace {

std::string environment(const char* name) {
  const char* value = getenv(name);
  return value ? value : "";
}

int number_or(const std::string& text, int otherwise) {
  char* end = nullptr;
  long value = strtol(text.c_str(), &end, 10);
  return !text.empty() && *end == 0 && value > 0 && value < 10000 ? static_cast<int>(value) : otherwise;
}

// Calls f(bytes, columns) for each character; an invalid byte is one column.
template <class F>
void for_each_character(std::string_view text, F f) {
  std::mbstate_t state{};
  while (!text.empty()) {
    wchar_t wide = 0;
    size_t length = std::mbrtowc(&wide, text.data(), text.size(), &state);
    int columns = 1;
    if (length == 0 || length > text.size()) {
      length = 1;
      state = {};
    } else {
      columns = std::max(wcwidth(wide), 0);
    }
    if (!f(text.substr(0, length), columns)) return;
    text.remove_prefix(length);
  }
}

}  // namespace

bool is_terminal(int fd) { return isatty(fd) == 1; }

TerminalSize terminal_size(int fd) {
  winsize size{};
  bool known = ioctl(fd, TIOCGWINSZ, &size) == 0;
  TerminalSize result;
  result.columns = known && size.ws_col > 0 ? size.ws_col : number_or(environment("COLUMNS"), 80);
  result.rows = known && size.ws_row > 0 ? size.ws_row : number_or(environment("LINES"), 24);
  return result;
}

TerminalLook terminal_look() {
  TerminalLook look;
  std::string term = environment("TERM");
  look.cursor = !term.empty() && term != "dumb";
  look.color = look.cursor && environment("NO_COLOR").empty();
  look.unicode = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
  return look;
}

Status refuse_binary_to_terminal(int fd, std::string_view what) {
  if (!is_terminal(fd)) return {};
  return usage_error("stdout is a terminal, and " + std::string(what) + " is binary")
      .with_hint("write to a file or a pipe, or --force");
}

Status refuse_binary_from_terminal(int fd, std::string_view what) {
  if (!is_terminal(fd)) return {};
  return usage_error("stdin is a terminal, and " + std::string(what) + " is expected there")
      .with_hint("read from a file or a pipe");
}

int columns_of(std::string_view text) {
  int total = 0;
  for_each_character(text, [&](std::string_view, int columns) {
    total += columns;
    return true;
  });
  return total;
}

std::string fit_columns(std::string_view text, int columns, bool unicode) {
  if (columns <= 0) return "";
  if (columns_of(text) <= columns) return std::string(text);
  std::string cut;
  int used = 0;
  for_each_character(text, [&](std::string_view character, int width) {
    if (used + width > columns - 1) return false;
    cut += character;
    used += width;
    return true;
  });
  return cut + (unicode ? "…" : "~");
}

}  // namespace hx
