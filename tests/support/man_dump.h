#pragma once
#include <sstream>
#include <string>

namespace hx::test {

// The bytes of the dump in a manual page: lines of "offset  hex…  |text|".
inline std::string dumped_in(const std::string& page) {
  std::string bytes;
  std::istringstream lines(page);
  for (std::string line; std::getline(lines, line);) {
    if (line.size() < 60 || line[8] != ' ' || line.find('|') != 60) continue;
    std::istringstream words(line.substr(10, 50));
    for (std::string word; words >> word;) bytes += static_cast<char>(std::stoi(word, nullptr, 16));
  }
  return bytes;
}

}  // namespace hx::test
