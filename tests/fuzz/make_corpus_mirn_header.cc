// make_corpus_mirn_header DIRECTORY: the seeds of fuzz_mirn_header.

#include "make_corpus_mirn.h"

using namespace hx;
using namespace hx::test;

int main(int argc, char** argv) {
  const Corpus corpus(argc, argv);
  SnapshotHeader header = seed_builder().header();
  corpus.save("unsealed", encode_header(header));
  header.hx->change_token = "token";
  header.hx->consistency = "none";
  header.hx->sealed = true;
  header.hx->seal = "0123456789abcdef";
  corpus.save("sealed", encode_header(header));
  header.hx.reset();
  corpus.save("original", encode_header(header));
  header.version = 3;
  corpus.save("other-version", encode_header(header));
  DeltaBuilder delta(200000);
  delta.header().hx->parent_change_token = "token";
  corpus.save("delta", encode_header(delta.header()));
  delta.header().hx->kind = DiskKind::kFull;
  delta.header().hx->parent_state.clear();
  delta.header().hx->parent_change_token.clear();
  corpus.save("full-2", encode_header(delta.header()));
}
