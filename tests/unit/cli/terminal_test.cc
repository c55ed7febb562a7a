#include "cli/terminal.h"

#include <fcntl.h>
#include <pty.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <clocale>

#include "io/unique_fd.h"

using namespace hx;

TEST_CASE("text is cut to columns, not to bytes") {
  std::setlocale(LC_CTYPE, "C.UTF-8");
  CHECK(columns_of("größe") == 5);
  CHECK(columns_of("磁盘") == 4);
  CHECK(fit_columns("größe", 5, true) == "größe");
  CHECK(fit_columns("größer", 5, true) == "größ…");
  CHECK(fit_columns("磁盘磁盘", 4, true) == "磁…");
  CHECK(fit_columns("abcdef", 4, false) == "abc~");
  CHECK(fit_columns("abc", 0, false).empty());
  CHECK(columns_of("\xff\xfe") == 2);
}

TEST_CASE("binary data goes into no terminal and comes from none") {
  int main_end = -1, terminal = -1;
  REQUIRE(openpty(&main_end, &terminal, nullptr, nullptr, nullptr) == 0);
  UniqueFd a(main_end), b(terminal);
  Status to = refuse_binary_to_terminal(terminal, "a snapshot");
  REQUIRE_FALSE(to.ok());
  CHECK(to.error().kind == ErrorKind::kUsage);
  CHECK(to.error().hint == "write to a file or a pipe, or --force");
  CHECK_FALSE(refuse_binary_from_terminal(terminal, "an extent stream").ok());
  UniqueFd null(open("/dev/null", O_RDWR | O_CLOEXEC));
  CHECK(refuse_binary_to_terminal(null.get(), "a snapshot").ok());
}

TEST_CASE("the size of a terminal is the kernel's") {
  int main_end = -1, terminal = -1;
  winsize size{33, 121, 0, 0};
  REQUIRE(openpty(&main_end, &terminal, nullptr, nullptr, &size) == 0);
  UniqueFd a(main_end), b(terminal);
  CHECK(terminal_size(terminal).columns == 121);
  CHECK(terminal_size(terminal).rows == 33);
}
