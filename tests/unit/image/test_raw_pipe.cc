#include <catch2/catch.hpp>

#include "contract/extent_source_contract.h"
#include "image/raw_pipe.h"
#include "io/fd_io.h"
#include "support/memory_disk.h"

using namespace hx;
using namespace hx::test;

namespace {

// Gives a few bytes at a time, as pipes do.
class StutteringReader : public ByteReader {
 public:
  explicit StutteringReader(std::string_view text) : in_(as_bytes(text), "stdin") {}
  Result<size_t> read_some(MutableByteSpan out) override {
    return in_.read_some(out.first(std::min<size_t>(out.size(), 1 + (step_ += 4093) % 65536)));
  }
  const std::string& name() const override { return in_.name(); }

 private:
  MemoryReader in_;
  size_t step_ = 0;
};

Result<std::vector<CollectedDisk>> read_pipe(std::string_view text, uint64_t size) {
  StutteringReader in(text);
  BufferPool pool(kMaxPayload, 2);
  return collect(*raw_pipe(in, pool, size, "name"));
}
Error error_of(Result<std::vector<CollectedDisk>> result) {
  REQUIRE_FALSE(result.ok());
  return std::move(result).error();
}

}  // namespace

TEST_CASE("plain bytes are a disk, with zeros found, whether the size is known or not") {
  for (const size_t length : {1, 1000, 1048576, 1048577, 3145728, 3500000}) {
    std::string text = pattern_text(1, 0, length);
    if (length > kMiB) text.replace(kMiB - 100, length - kMiB, std::string(length - kMiB, '\0'));
    for (const uint64_t size : {uint64_t{length}, kUnknownSize}) {
      StutteringReader in(text);
      BufferPool pool(kMaxPayload, 2);
      expect_contract(*raw_pipe(in, pool, size, "name"), {text});
    }
  }
  auto zeros = read_pipe(std::string(3 * kMiB, '\0'), kUnknownSize);
  REQUIRE(zeros.ok());
  CHECK(zeros->at(0).map() == std::vector<MapEntry>{{0, 3 * kMiB, Kind::kZero}});
}

TEST_CASE("an empty disk must be asked for") {
  CHECK(read_pipe("", 0).ok());
  const Error error = error_of(read_pipe("", kUnknownSize));
  CHECK(error.kind == ErrorKind::kDamaged);
  CHECK_FALSE(error.hint.empty());
}

TEST_CASE("more or fewer bytes than said are damage") {
  const std::string text(2 * kMiB, 'x');
  for (const uint64_t size : {uint64_t{0}, kMiB, 2 * kMiB - 1, 2 * kMiB + 1, 3 * kMiB}) {
    const Error error = error_of(read_pipe(text, size));
    CHECK(error.kind == ErrorKind::kDamaged);
    CHECK(error.message.find("stdin: ") == 0);
    CHECK(error.message.find(std::to_string(size)) != std::string::npos);
  }
  CHECK(error_of(read_pipe(text, 3 * kMiB)).message.find("ended at 2097152") != std::string::npos);
  CHECK(read_pipe(text, 2 * kMiB).ok());
}
