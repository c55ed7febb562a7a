// make_corpus_frames DIRECTORY: the seeds of fuzz_frames.

#include "make_corpus_mirn.h"

using namespace hx;
using namespace hx::test;

int main(int argc, char** argv) {
  const Corpus corpus(argc, argv);
  corpus.save("sealed", seed_builder().build());
  corpus.save("unsealed", seed_builder().build(SnapshotBuilder::Sealed::kNo));
  corpus.save("empty", SnapshotBuilder().build());
  SnapshotHeader original = seed_builder().header();
  original.hx.reset();
  original.size = 5;
  original.checksum = Sha256::of(as_bytes("hello"));
  SnapshotBuilder one;
  const std::string hello = seed_frames(one.data("hello").page().build(), kZstdMagic).at(0);
  corpus.save("original", encode_header(original) + hello);
  corpus.save("frames", seed_frames(seed_builder().build(), mirn::kMachineFileMagic).at(0) + hello +
                            std::string(as_text(make_zero_frame(300000))));
}
