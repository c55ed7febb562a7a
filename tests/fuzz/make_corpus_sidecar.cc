// make_corpus_sidecar DIRECTORY: the seeds of fuzz_sidecar; the golden checkpoints are copied to it, too.

#include "checkpoint/resume_token.h"
#include "checkpoint/sidecar_file.h"
#include "checkpoint/sidecar_text.h"
#include "fuzz/corpus.h"
#include "unit/checkpoint/sample_checkpoint.h"

using namespace hx;
using namespace hx::test;

int main(int argc, char** argv) {
  const Corpus corpus(argc, argv);
  const std::string text = format_sidecar(sample_checkpoint());
  corpus.save("ours", text);
  corpus.save("compressed", encode_sidecar(text, "x.zst").value());
  corpus.save("token", format_token(token_of(sample_checkpoint()).value()));
  corpus.save("none", "");
}
