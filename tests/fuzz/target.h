#pragma once
// What fuzz targets share; fuzz_NAME.cc includes it, and defines fuzz().

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

// Runs once for every input.
static void fuzz(std::string_view text);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  fuzz({reinterpret_cast<const char*>(bytes), size});  // no copy: the sanitizer sees a step beyond the end
  return 0;
}

// What a target holds the code to: a violation is a crash, which the fuzzer reports with its input.
inline void require(bool condition, const char* what) {
  if (condition) return;
  std::fprintf(stderr, "violated: %s\n", what);
  std::abort();
}
