// make_corpus_seek_table DIRECTORY: the seeds of fuzz_seek_table.

#include "make_corpus_mirn.h"

using namespace hx;
using namespace hx::test;

int main(int argc, char** argv) {
  const Corpus corpus(argc, argv);
  for (const auto& [name, snapshot] :
       {std::pair("several", seed_builder().build()), std::pair("one", SnapshotBuilder().build())}) {
    const std::string table = seed_frames(snapshot, kSeekTableMagic).at(0);
    const std::string entries = table.substr(8, table.size() - 17);
    corpus.save(name, static_cast<char>(entries.size() / 8) + std::string(1, '\x0B') + entries + table);
  }
  corpus.save("none", std::string("\0\0", 2));
}
