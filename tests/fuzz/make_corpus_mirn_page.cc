// make_corpus_mirn_page DIRECTORY: the seeds of fuzz_mirn_page.

#include "make_corpus_mirn.h"

using namespace hx;
using namespace hx::test;

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto save = [&](const std::string& name, const std::string& bytes) {
    write_file(std::string(argv[1]) + "/" + name, bytes);
  };
  size_t number = 0;
  for (const std::string& frame : seed_frames(seed_builder().build(), mirn::kPageMagic))
    save("page" + std::to_string(number++), frame);
}
