// The rules of hx-stream(5), each broken once. A stream that keeps all of them comes first, so that what is refused is
// refused for the one thing that is wrong.
#include <catch2/catch.hpp>

#include "extent/stream_reader.h"
#include "io/fd_io.h"
#include "support/collected.h"
#include "support/stream_builder.h"

using namespace hx;
using namespace hx::test;

namespace {

Result<std::vector<CollectedDisk>> read_stream(const std::string& text) {
  MemoryReader in(as_bytes(text), "stdin");
  BufferPool pool(kMaxPayload, 4);
  return collect(*stream_reader(in, pool));
}
Result<std::vector<CollectedDisk>> read_stream(const StreamBuilder& builder) { return read_stream(builder.text()); }

void expect_fault(const StreamBuilder& builder, const std::string& what, ErrorKind kind = ErrorKind::kDamaged) {
  auto result = read_stream(builder);
  REQUIRE_FALSE(result.ok());
  INFO(result.error().message);
  CHECK(result.error().kind == kind);
  CHECK(result.error().message.find(what) != std::string::npos);
  CHECK(result.error().message.starts_with("stdin: "));
  CHECK(result.error().message.find(" byte ") != std::string::npos);  // says where
}
void expect_good(const StreamBuilder& builder) {
  auto result = read_stream(builder);
  if (!result) FAIL(result.error().message);
}

StreamBuilder begin(uint64_t disks = 1) { return StreamBuilder().preamble(disks); }
const std::string kText = "0123456789";

}  // namespace

TEST_CASE("rule: what keeps all rules is read", "[stream]") {
  expect_good(begin(0).end());
  expect_good(begin().full(0).done(0).end());
  expect_good(begin().full(30).data(0, kText).zero(10, 20).done(30).end());
  expect_good(begin().full(10).file("f", 0, 10, kText).data(0, kText).done(10).end());
  expect_good(begin()
                  .full(10)
                  .file("f", 0, 20, kText)
                  .file("f", 10, 20, kText)
                  .file("g", 0, 0, "")
                  .data(0, kText)
                  .done(10)
                  .end());
  expect_good(begin().delta(100).data(10, kText).zero(50, 5).done(100).end());
  expect_good(begin().delta(100, ",\"ranges\":[[0,50],[60,40]]").data(10, kText).zero(60, 40).done(100).end());
  expect_good(begin().disk(R"({"key":"d","kind":"full"})").data(0, kText).done(10).end());
  expect_good(begin(2).full(10, "a").data(0, kText).done(10).full(10, "b").zero(0, 10).done(10).end());
}

TEST_CASE("rule: the version is known", "[stream]") {
  for (const uint32_t version : {0u, 2u, 0x01000000u})
    expect_fault(StreamBuilder().preamble_json("{\"disks\":0}", version).end(),
                 "unsupported stream version " + std::to_string(version), ErrorKind::kUnsupported);
}

TEST_CASE("rule: the preamble is an object that says how many disks", "[stream]") {
  expect_fault(StreamBuilder().preamble_json("{}").end(), "disks");
  expect_fault(StreamBuilder().preamble_json("[1]").end(), "no object");
  expect_fault(StreamBuilder().preamble_json("{").end(), "JSON");
  expect_fault(StreamBuilder().preamble_json("{\"disks\":65537}").end(), "65536");
  expect_fault(StreamBuilder().preamble_json(std::string(kMiB + 1, ' ')).end(), "more than 1 MiB");
}

TEST_CASE("rule: unknown tags are not guessed at, optional ones are skipped", "[stream]") {
  const uint32_t unknown = record_tag("WHAT"), optional = 0x80000001;
  expect_fault(begin().full(0).record(unknown, 0, 0, "x", 0).done(0).end(), "unknown tag", ErrorKind::kUnsupported);
  expect_good(begin()
                  .record(optional, 9, 9, "x", 7)
                  .full(10)
                  .record(optional, 0, 0, kText, 0)
                  .data(0, kText)
                  .record(optional, 0, 0, "", 0)
                  .done(10)
                  .record(optional, 0, 0, "", 0)
                  .end());
}

TEST_CASE("rule: a payload is at most 1 MiB", "[stream]") {
  expect_fault(begin().full(4 * kMiB).data(0, std::string(kMiB + 1, 'x')).done(4 * kMiB).end(), "more than 1 MiB");
  expect_fault(begin().record(0x80000000, 0, 0, std::string(kMiB + 1, 'x'), 0).end(), "more than 1 MiB");
}

TEST_CASE("rule: a DATA's payload is as long as its extent, and a ZERO has none", "[stream]") {
  expect_fault(begin().full(10).record(Tag::kData, 0, 10, "12345").done(10).end(), "payload");
  expect_fault(begin().full(10).record(Tag::kZero, 0, 10, "x").done(10).end(), "ZERO with a payload");
  expect_fault(begin().full(10).data(0, kText).record(Tag::kData, 10, 0, "").done(10).end(), "is empty");
  expect_fault(begin().full(10).data(0, kText).zero(10, 0).done(10).end(), "is empty");
}

TEST_CASE("rule: a DATA does not cross a multiple of 1 MiB", "[stream]") {
  expect_good(
      begin().full(kMiB + 5).zero(0, kMiB - 5).data(kMiB - 5, "12345").data(kMiB, "12345").done(kMiB + 5).end());
  expect_fault(begin().full(kMiB + 5).zero(0, kMiB - 5).data(kMiB - 5, kText).done(kMiB + 5).end(), "crosses");
}

TEST_CASE("rule: extents ascend and do not overlap", "[stream]") {
  expect_fault(begin().full(20).data(0, kText).data(5, kText).done(20).end(), "begins before 10");
  expect_fault(begin().delta(20).data(10, kText).data(0, kText).done(20).end(), "begins before 20");
}

TEST_CASE("rule: extents stay within the size and the ranges", "[stream]") {
  expect_fault(begin().full(15).data(0, kText).data(10, kText).done(15).end(), "beyond 15");
  expect_fault(begin().full(10).data(0, kText).zero(10, 1).done(10).end(), "behind all");
  expect_fault(begin().delta(100, ",\"ranges\":[[50,10]]").data(0, kText).done(100).end(), "outside");
  expect_fault(begin().delta(100, ",\"ranges\":[[0,20],[50,10]]").zero(10, 20).done(100).end(), "beyond 20");
  expect_fault(begin().full(10).zero(0, ~uint64_t{0}).done(10).end(), "beyond");
  expect_fault(begin().full(10).zero(~uint64_t{0}, 2).done(10).end(), "beyond");
}

TEST_CASE("rule: the extents of a full disk or part tile it", "[stream]") {
  expect_fault(begin().full(20).data(10, kText).done(20).end(), "bytes 0 to 10 uncovered");
  expect_fault(begin().full(20).data(0, kText).done(20).end(), "bytes 10 to 20 are not covered");
  expect_fault(begin().full(20).done(20).end(), "not covered");
  const std::string part = R"({"key":"d","kind":"part","size":100,"ranges":[[0,10],[20,10]]})";
  expect_good(begin().disk(part).data(0, kText).data(20, kText).done(100).end());
  expect_fault(begin().disk(part).data(0, kText).done(100).end(), "not covered");
}

TEST_CASE("rule: disks come one after another, with a number, a DONE and a key each", "[stream]") {
  expect_fault(begin().full(10).data(0, kText).record(record_tag("ZERO"), 10, 1, "", 1).done(10).end(),
               "disk 1, not 0");
  expect_fault(begin(2).full(10).full(10, "e").end(), "DISK before the DONE");
  expect_fault(begin().full(0).end(), "END before the DONE");
  expect_fault(begin().data(0, kText).end(), "outside of a disk");
  expect_fault(begin().done(0).end(), "outside of a disk");
  expect_fault(begin(2).full(0, "a").done(0).full(0, "a").done(0).end(), "a second disk");
  expect_fault(begin().full(0, "a").done(0).full(0, "b").done(0).end(), "more disks");
  expect_fault(begin(2).full(0).done(0).end(), "there were 1");
}

TEST_CASE("rule: a DISK says what it must, and nothing that cannot be", "[stream]") {
  const char* bad[] = {
      R"({"kind":"full","size":10})",
      R"({"key":"","kind":"full","size":10})",
      R"({"key":"a/b","kind":"full","size":10})",
      R"({"key":"d","name":"..","kind":"full","size":10})",
      R"({"key":"d","name":"a\nb","kind":"full","size":10})",
      R"({"key":"d","size":10})",
      R"({"key":"d","kind":"half","size":10})",
      R"({"key":"d","kind":"full","size":-1})",
      R"({"key":"d","kind":"full","size":"10"})",
      R"({"key":"d","kind":"full","size":9223372036854775808})",
      R"({"key":"d","kind":"delta"})",
      R"({"key":"d","kind":"full","ranges":[[0,10]]})",
      R"({"key":"d","kind":"full","size":10,"ranges":[[0,9]]})",
      R"({"key":"d","kind":"part","size":10,"ranges":[[0,11]]})",
      R"({"key":"d","kind":"part","size":10,"ranges":[[5,5],[0,5]]})",
      R"({"key":"d","kind":"part","size":10,"ranges":[[0,0]]})",
      R"({"key":"d","kind":"part","size":10,"ranges":[[0]]})",
      R"({"key":"d","kind":"part","size":10,"ranges":{}})",
      R"({"key":"d","kind":"full","size":10,"state":1})",
      R"([])",
  };
  expect_good(begin().disk(R"({"key":"d","kind":"full","size":10,"unknown":[]})").data(0, kText).done(10).end());
  for (const char* json : bad) {
    INFO(json);
    expect_fault(begin().disk(json).data(0, kText).done(10).end(), "record at byte");
  }
}

TEST_CASE("rule: a disk that resumes is for the sink that can", "[stream]") {
  const StreamBuilder rest = begin()
                                 .disk(R"({"key":"d","kind":"full","size":10,"resume":{"from":4,"state":"s"}})")
                                 .data(4, "456789")
                                 .done(10)
                                 .end();
  expect_fault(rest, "cut at 4", ErrorKind::kUnsupported);
  const auto take = [](const StreamBuilder& builder) {
    const std::string text = builder.text();
    MemoryReader in(as_bytes(text), "stdin");
    BufferPool pool(kMaxPayload, 4);
    return collect(*stream_reader(in, pool, {}, Resumed::kTake));
  };
  const auto disks = take(rest);
  REQUIRE(disks.ok());
  CHECK(disks.value()[0].info.resume == ResumePoint{4, "s"});
  CHECK(disks.value()[0].extents.size() == 1);
  CHECK(take(begin().disk(R"({"key":"d","kind":"full","size":10,"resume":{"from":10,"state":"s"}})").done(10).end())
            .ok());
  const char* bad[] = {
      R"({"key":"d","kind":"full","size":10,"resume":{"from":0,"state":"s"}})",  // and 0 to 4 is missing
      R"({"key":"d","kind":"full","size":3,"resume":{"from":4,"state":"s"}})",
      R"({"key":"d","kind":"part","size":10,"resume":{"from":4,"state":"s"}})",
      R"({"key":"d","kind":"full","resume":{"from":4,"state":"s"}})",
      R"({"key":"d","kind":"full","size":10,"resume":{"from":4}})",
      R"({"key":"d","kind":"full","size":10,"resume":4})",
  };
  for (const char* json : bad) {
    INFO(json);
    auto result = take(begin().disk(json).data(4, "456789").done(10).end());
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().kind == ErrorKind::kDamaged);
  }
}

TEST_CASE("rule: JSON records use no other field", "[stream]") {
  expect_fault(begin().record(Tag::kDisk, 1, 0, R"({"key":"d","kind":"full","size":0})").done(0).end(), "not 0");
  expect_fault(begin().full(0).record(Tag::kDone, 0, 1, R"({"size":0,"data_bytes":0,"zero_bytes":0})").end(), "not 0");
}

TEST_CASE("rule: DONE agrees with what was sent", "[stream]") {
  const auto done = [](const std::string& json) {
    return begin().full(10).data(0, kText).record(Tag::kDone, 0, 0, json);
  };
  expect_fault(done(R"({"size":11,"data_bytes":10,"zero_bytes":0})"), "DISK said 10");
  expect_fault(done(R"({"size":10,"data_bytes":9,"zero_bytes":0})"), "counts 9");
  expect_fault(done(R"({"size":10,"data_bytes":10,"zero_bytes":1})"), "counts 10 bytes of data and 1");
  expect_fault(done(R"({"size":10,"data_bytes":10})"), "zero_bytes");
  expect_fault(done(R"({"size":10,"data_bytes":10,"zero_bytes":0,"sha256":"AA"})"), "sha256");
  expect_fault(done(R"({"size":10,"data_bytes":10,"zero_bytes":0,"sha256":""})"), "sha256");
  expect_fault(begin().disk(R"({"key":"d","kind":"full"})").data(0, kText).done(11).end(), "extents end at 10");
}

TEST_CASE("rule: END counts the records and is the last", "[stream]") {
  const StreamBuilder whole = begin().full(10).data(0, kText).done(10);
  const auto end = [&](const std::string& json) { return StreamBuilder(whole).record(Tag::kEnd, 0, 0, json); };
  expect_good(end(R"({"records":3,"disks":1})"));
  expect_fault(end(R"({"records":2,"disks":1})"), "counts 2 records");
  expect_fault(end(R"({"records":3,"disks":2})"), "counts 2 disks");
  expect_fault(end(R"({"disks":1})"), "records");
  expect_fault(StreamBuilder(whole).record(record_tag("END "), 0, 0, R"({"records":3,"disks":1})", 1),
               "END with a disk number");
  expect_fault(whole, "cut short");
  expect_fault(StreamBuilder(whole).end().end(), "after the END");
}

TEST_CASE("rule: FILE records stand before the first extent, in whole and in order", "[stream]") {
  const auto with = [](auto add) {
    StreamBuilder builder = begin().full(10);
    add(builder);
    return builder.data(0, kText).done(10).end();
  };
  expect_fault(begin().full(10).data(0, kText).file("f", 0, 0, "").done(10).end(), "FILE behind");
  expect_fault(with([](auto& b) { b.file("f", 0, 20, kText); }), "incomplete");
  expect_fault(with([](auto& b) { b.file("f", 0, 20, kText).file("g", 10, 20, kText); }), "not the next piece");
  expect_fault(with([](auto& b) { b.file("f", 0, 20, kText).file("f", 0, 20, kText); }), "not the next one");
  expect_fault(with([](auto& b) { b.file("f", 0, 20, kText).file("f", 10, 21, kText); }), "not the next one");
  expect_fault(with([](auto& b) { b.file("f", 0, 5, kText); }), "not the next one");
  expect_fault(with([](auto& b) { b.file("f", 5, 15, kText); }), "not the next one");
  expect_fault(with([](auto& b) { b.file("f", 0, 10, ""); }), "empty piece");
  expect_fault(with([](auto& b) { b.file("f", 0, 10, kText).file("f", 0, 10, kText); }), "a second FILE");
  expect_fault(with([](auto& b) { b.file("../f", 0, 10, kText); }), "leaf name");
  expect_fault(with([](auto& b) { b.file("", 0, 10, kText); }), "leaf name");
  expect_fault(with([](auto& b) { b.file("f", 0, 16 * kMiB + 1, kText); }), "16 MiB");
  expect_fault(with([](auto& b) { b.record(Tag::kFile, 0, 0, "abc"); }), "without a name");
  expect_fault(with([](auto& b) { b.record(Tag::kFile, 0, 0, "\xff\xff\xff\xff"); }), "name of 4294967295");
  expect_fault(with([](auto& b) { b.record(Tag::kFile, 0, 0, std::string("\x05\0\0\0", 4) + "{}"); }), "name of 5");
  expect_fault(with([](auto& b) { b.record(Tag::kFile, 0, 0, std::string("\x02\0\0\0", 4) + "{}"); }), "name");
  expect_fault(with([](auto& b) {
                 for (int i = 0; i <= 1024; ++i) b.file("f" + std::to_string(i), 0, 0, "");
               }),
               "1024 files");
}

TEST_CASE("rule: a disk's files are at most 64 MiB", "[stream]") {
  StreamBuilder builder = begin().full(0);
  const std::string piece(kMiB - 64, 'x');
  for (int file = 0; file < 5; ++file) {
    const std::string name = "f" + std::to_string(file);
    uint64_t at = 0;
    for (; at < 13 * kMiB; at += piece.size()) builder.file(name, at, 14 * piece.size(), piece);
  }
  expect_fault(builder.done(0).end(), "64 MiB");
}

TEST_CASE("rule: DIGEST is of a delta, of 32 bytes, in order and within the disk", "[stream]") {
  const std::string digest(32, 'd');
  const auto delta = [&] { return begin().delta(100).data(10, kText); };
  expect_good(
      delta().record(Tag::kDigest, 0, 50, digest).zero(50, 1).record(Tag::kDigest, 50, 50, digest).done(100).end());
  expect_fault(begin().full(10).data(0, kText).record(Tag::kDigest, 0, 10, digest).done(10).end(), "no delta");
  expect_fault(delta().record(Tag::kDigest, 0, 50, "short").done(100).end(), "32 bytes");
  expect_fault(delta().record(Tag::kDigest, 0, 0, digest).done(100).end(), "DIGEST of 0");
  expect_fault(begin().delta(kTiB).record(Tag::kDigest, 0, 5 * kMiB, digest).done(kTiB).end(), "DIGEST of");
  expect_fault(delta().record(Tag::kDigest, 60, 50, digest).done(100).end(), "beyond");
  expect_fault(delta().record(Tag::kDigest, ~uint64_t{0}, 50, digest).done(100).end(), "beyond");
  expect_fault(delta().record(Tag::kDigest, 0, 10, digest).done(100).end(), "behind");
  expect_fault(delta().record(Tag::kDigest, 0, 50, digest).record(Tag::kDigest, 40, 50, digest).done(100).end(),
               "overlaps");
  expect_fault(delta().record(Tag::kDigest, 0, 50, digest).zero(40, 5).done(100).end(), "begins before 50");
}

TEST_CASE("rule: an ABORT is understood", "[stream]") {
  expect_fault(begin().record(Tag::kAbort, 0, 0, "{}"), "ABORT");
  expect_fault(begin().record(Tag::kAbort, 0, 0, "x"), "JSON");
  for (const int status : {0, 11, 130}) {
    auto result =
        read_stream(begin().record(Tag::kAbort, 0, 0, R"({"message":"m","status":)" + std::to_string(status) + "}"));
    REQUIRE_FALSE(result.ok());
    CHECK(result.error().kind == ErrorKind::kSystem);
  }
}
