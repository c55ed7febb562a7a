// Seeds of fuzz_stream: small streams with every kind of record, right and wrong.

#include "extent/stream_writer.h"
#include "fuzz/corpus.h"
#include "io/fd_io.h"
#include "support/stream_builder.h"

using namespace hx;
using namespace hx::test;

int main(int argc, char** argv) {
  const Corpus corpus(argc, argv);
  const auto begin = [](uint64_t disks = 1) { return StreamBuilder().preamble(disks); };
  const std::string digest(32, 'd');
  corpus.save("no-disk", begin(0).end().text());
  corpus.save("empty-disk", begin().full(0).done(0).end().text());
  corpus.save(
      "full",
      begin().full(300).data(0, "0123456789").zero(10, 200).data(210, std::string(90, 'x')).done(300).end().text());
  corpus.save("part", begin()
                          .disk(R"({"key":"d","kind":"part","size":100,"ranges":[[0,10],[20,10]]})")
                          .data(0, "0123456789")
                          .zero(20, 10)
                          .done(100)
                          .end()
                          .text());
  corpus.save("delta",
              begin()
                  .delta(100, R"(,"state":"b","parent_state":"a","change_token":"t","ranges":[[0,50],[60,40]])")
                  .data(10, "0123456789")
                  .record(Tag::kDigest, 0, 50, digest)
                  .zero(60, 5)
                  .done(100)
                  .end()
                  .text());
  corpus.save("unknown-size",
              begin()
                  .disk(R"({"key":"d","name":"web","kind":"full","consistency":"none"})")
                  .data(0, "0123456789")
                  .record(Tag::kDone, 0, 0,
                          R"({"size":10,"data_bytes":10,"zero_bytes":0,"sha256":")" + std::string(64, 'a') + "\"}")
                  .record(Tag::kEnd, 0, 0, R"({"records":3,"disks":1})")
                  .text());
  corpus.save("files", begin()
                           .full(1)
                           .file("vm.ovf", 0, 8, "<ov")
                           .file("vm.ovf", 3, 8, "f></>")
                           .file("nvram", 0, 0, "")
                           .data(0, "x")
                           .done(1)
                           .end()
                           .text());
  corpus.save("two-disks", begin(2)
                               .full(10, "a")
                               .zero(0, 10)
                               .done(10)
                               .record(0x80000001, 1, 2, "later", 9)
                               .full(5, "b")
                               .data(0, "hello")
                               .done(5)
                               .end()
                               .text());
  corpus.save(
      "over-the-grid",
      begin().full(kMiB + 5).zero(0, kMiB - 5).data(kMiB - 5, "12345").data(kMiB, "12345").done(kMiB + 5).end().text());
  corpus.save("abort", begin()
                           .full(10)
                           .data(0, "01234")
                           .record(Tag::kAbort, 0, 0, R"({"status":3,"message":"changed","reason":"r","hint":"h"})")
                           .text());
  corpus.save("resume", begin().disk(R"({"key":"d","kind":"full","size":1,"resume":{"from":0}})").end().text());
  corpus.save("cut", begin().full(10).data(0, "0123456789").text());
  corpus.save("other-version", StreamBuilder().preamble_json("{\"disks\":0}", 2).end().text());
  MemoryWriter aborted;
  stream_writer(aborted, 1)->abort(damaged("no"));
  corpus.save("abort-at-once", aborted.bytes());
}
