// make_corpus_mirn_header DIRECTORY: the seeds of fuzz_mirn_header.

#include "make_corpus_mirn.h"

using namespace hx;
using namespace hx::test;

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  const auto save = [&](const std::string& name, const std::string& bytes) {
    write_file(std::string(argv[1]) + "/" + name, bytes);
  };
  SnapshotHeader header = seed_builder().header();
  save("unsealed", encode_header(header));
  header.hx->change_token = "token";
  header.hx->consistency = "none";
  header.hx->sealed = true;
  header.hx->seal = "0123456789abcdef";
  save("sealed", encode_header(header));
  header.hx.reset();
  save("original", encode_header(header));
  header.version = 2;
  save("other-version", encode_header(header));
}
