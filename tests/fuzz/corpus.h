#pragma once
// make_corpus_NAME DIRECTORY: writes the seeds of fuzz_NAME.

#include <cstdlib>
#include <string>

#include "support/temporary_directory.h"

namespace hx::test {

class Corpus {
 public:
  // Ends the program where no directory is given.
  Corpus(int argc, char** argv) {
    if (argc != 2) std::exit(2);
    directory_ = argv[1];
  }
  void save(const std::string& name, const std::string& bytes) const { write_file(directory_ + "/" + name, bytes); }

 private:
  std::string directory_;
};

}  // namespace hx::test
