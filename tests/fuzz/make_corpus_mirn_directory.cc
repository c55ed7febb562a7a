// make_corpus_mirn_directory DIRECTORY: the seeds of fuzz_mirn_directory.

#include "make_corpus_mirn.h"

using namespace hx;
using namespace hx::test;

int main(int argc, char** argv) {
  const Corpus corpus(argc, argv);
  corpus.save("two-pages", seed_frames(seed_builder().build(), mirn::kDirectoryMagic).at(0));
  corpus.save("empty", seed_frames(SnapshotBuilder().build(), mirn::kDirectoryMagic).at(0));
  SnapshotBuilder unhashed = seed_builder();
  unhashed.on_directory = [](Directory& d) { d.image_digest.reset(); };
  corpus.save("delta", seed_frames(seed_delta(), mirn::kDirectoryMagic).at(0));
  corpus.save("without-checksum", seed_frames(unhashed.build(), mirn::kDirectoryMagic).at(0));
}
