// make_corpus_mirn_extents DIRECTORY: the seeds of fuzz_mirn_extents.

#include "make_corpus_mirn.h"

using namespace hx;
using namespace hx::test;

int main(int argc, char** argv) {
  const Corpus corpus(argc, argv);
  size_t number = 0;
  for (const std::string& frame : seed_frames(seed_delta(), mirn::kExtentsMagic))
    corpus.save("extents" + std::to_string(number++), frame);
}
