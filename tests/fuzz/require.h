#pragma once
#include <cstdio>
#include <cstdlib>

// What a fuzz target holds the code to: a violation is a crash, which the fuzzer reports with its input.
inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::abort();
}
