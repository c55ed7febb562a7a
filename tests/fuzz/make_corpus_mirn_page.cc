// make_corpus_mirn_page DIRECTORY: the seeds of fuzz_mirn_page.

#include "make_corpus_mirn.h"

using namespace hx;
using namespace hx::test;

int main(int argc, char** argv) {
  const Corpus corpus(argc, argv);
  size_t number = 0;
  for (const std::string& frame : seed_frames(seed_builder().build(), mirn::kPageMagic))
    corpus.save("page" + std::to_string(number++), frame);
  for (const std::string& frame : seed_frames(seed_delta(), mirn::kPageMagic))
    corpus.save("delta" + std::to_string(number++), frame);
}
