#pragma once
// What the micro-benchmarks work on: the same bytes every time.

#include <random>
#include <vector>

#include "base/bytes.h"

namespace hx::bench {

inline std::vector<std::byte> zero_bytes(size_t size) { return std::vector<std::byte>(size); }

inline std::vector<std::byte> random_bytes(size_t size) {
  std::vector<std::byte> bytes(size);
  std::mt19937_64 random(7);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random() >> 56);
  return bytes;
}

// Compresses about threefold, as files of programs and documents do.
inline std::vector<std::byte> text_bytes(size_t size) {
  static constexpr std::string_view kWords[] = {"lorem", "ipsum", "dolor", "sit", "amet", "consectetur", "int",
                                                "{\n  ", "};\n",  " ",     "= ",  "0x",   "return ",     "std::"};
  std::vector<std::byte> bytes;
  bytes.reserve(size + 16);
  std::mt19937_64 random(11);
  while (bytes.size() < size) {
    uint64_t number = random();
    auto word = as_bytes(kWords[number % std::size(kWords)]);
    bytes.insert(bytes.end(), word.begin(), word.end());
    if (number % 5 == 0) bytes.push_back(static_cast<std::byte>(number >> 40));
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace hx::bench
