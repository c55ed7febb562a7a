// A source read in a thread of its own is the same source.
#include <catch2/catch.hpp>

#include <unistd.h>

#include "contract/extent_source_contract.h"
#include "extent/pump.h"
#include "extent/read_ahead.h"
#include "extent/stream_reader.h"
#include "extent/stream_writer.h"
#include "extent/threaded_source.h"
#include "io/fd_io.h"
#include "support/memory_disk.h"
#include "support/waiting_thread.h"

using namespace hx;
using namespace hx::test;

namespace {

std::string stream_of(const std::shared_ptr<MemoryDisk>& disk) {
  MemoryWriter out;
  const auto writer = stream_writer(out, 1);
  Status pumped = pump(*read_ahead(disk, disk->whole_map(), {}), *writer, {});
  if (!pumped) FAIL(pumped.error().message);
  REQUIRE(writer->commit().ok());
  return out.bytes();
}

std::shared_ptr<MemoryDisk> disk_of_three_parts() {
  return std::make_shared<MemoryDisk>(
      9 * kMiB + 5, std::vector<MapEntry>{{7, 100, Kind::kData}, {3 * kMiB - 1, 4 * kMiB, Kind::kData}});
}

}  // namespace

TEST_CASE("a source in a thread of its own keeps the contract, however far it reads ahead") {
  const auto disk = disk_of_three_parts();
  const std::string stream = stream_of(disk);
  for (const size_t depth : {1, 3, 100}) {
    MemoryReader in(as_bytes(stream), "stdin");
    BufferPool pool(kMaxPayload, 8);
    expect_contract(*in_own_thread(stream_reader(in, pool), in, depth), {disk->text()});
  }
}

TEST_CASE("the error of a source in a thread of its own is its own, wherever the stream is cut") {
  const std::string stream = stream_of(disk_of_three_parts());
  for (const size_t length : {size_t{0}, size_t{20}, stream.size() / 2, stream.size() - 1}) {
    const std::string_view cut = std::string_view(stream).substr(0, length);
    MemoryReader in(as_bytes(cut), "stdin"), in_place(as_bytes(cut), "stdin");
    BufferPool pool(kMaxPayload, 8);
    auto got = collect(*in_own_thread(stream_reader(in, pool), in, 4));
    auto expected = collect(*stream_reader(in_place, pool));
    REQUIRE_FALSE(got.ok());
    REQUIRE_FALSE(expected.ok());
    CHECK(got.error().message == expected.error().message);
    CHECK(got.error().kind == expected.error().kind);
  }
}

TEST_CASE("what is good before a cut comes out of a source in a thread of its own, too") {
  const auto disk = std::make_shared<MemoryDisk>(4 * kMiB, std::vector<MapEntry>{{0, 4 * kMiB, Kind::kData}});
  const std::string stream = stream_of(disk);
  const std::string_view cut = std::string_view(stream).substr(0, stream.size() - kMiB);
  MemoryReader in(as_bytes(cut), "stdin");
  BufferPool pool(kMaxPayload, 8);
  const auto source = in_own_thread(stream_reader(in, pool), in, 8);
  REQUIRE(source->next_disk().ok());
  for (uint64_t offset = 0; offset < 3 * kMiB; offset += kMiB) {
    auto extent = source->next();
    REQUIRE(extent.ok());
    REQUIRE(extent->has_value());
    CHECK((*extent)->offset == offset);
  }
  for (int again = 0; again < 2; ++again) {
    auto error = source->next();
    REQUIRE_FALSE(error.ok());
    CHECK(error.error().reason == "cut-short");
  }
}

TEST_CASE("a source in a thread of its own can be given up while nothing comes") {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  UniqueFd from(ends[0]), to(ends[1]);
  FdReader in(std::move(from), "stdin");
  BufferPool pool(kMaxPayload, 8);
  auto source = in_own_thread(stream_reader(in, pool), in, 4);
  Result<std::optional<DiskInfo>> got = std::optional<DiskInfo>();
  WaitingThread reading([&] { got = source->next_disk(); });
  in.cancel();
  reading.join();
  CHECK_FALSE(got.ok());
  source.reset();
}

TEST_CASE("a source in a thread of its own that was never asked has read nothing") {
  const std::string stream = stream_of(disk_of_three_parts());
  MemoryReader in(as_bytes(stream), "stdin");
  BufferPool pool(kMaxPayload, 8);
  in_own_thread(stream_reader(in, pool), in, 4).reset();
  std::byte first;
  REQUIRE(in.read_some(MutableByteSpan(&first, 1)).ok());
  CHECK(first == static_cast<std::byte>('H'));
}
