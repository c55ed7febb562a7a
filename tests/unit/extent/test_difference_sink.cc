#include "extent/difference_sink.h"

#include <fcntl.h>

#include <catch2/catch.hpp>

#include "io/fd_io.h"
#include "support/memory_disk.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

constexpr uint64_t kSize = 1000000;

// A target on the disk, that is read through a MemoryDisk of the same content.
struct Target {
  TemporaryDirectory directory;
  std::string path = directory.path() + "/target";
  std::shared_ptr<MemoryDisk> content;
  std::unique_ptr<FileSink> sink;

  explicit Target(std::shared_ptr<MemoryDisk> disk) : content(std::move(disk)) {
    write_file(path, content->text());
    sink = difference_sink(in_place_sink(path, Force::kNo).value(), content);
    DiskInfo info;
    info.size = kSize;
    REQUIRE(sink->begin_disk(info).ok());
  }
  void put(uint64_t offset, const std::string& bytes) {
    REQUIRE(sink->put({offset, bytes.size(), Kind::kData, Buffer::copy_of(as_bytes(bytes))}).ok());
  }
  void put_zeros(uint64_t offset, uint64_t length) { REQUIRE(sink->put({offset, length, Kind::kZero, {}}).ok()); }
  std::string result() {
    REQUIRE(sink->end_disk({kSize, 0, 0, {}}).ok());
    REQUIRE(sink->commit().ok());
    return read_file(path);
  }
};

}  // namespace

TEST_CASE("what is there already is not written", "[difference_sink]") {
  Target target(std::make_shared<MemoryDisk>(kSize, std::vector<MapEntry>{{0, 600000, Kind::kData}}));
  std::string wanted = target.content->text();
  wanted.at(300000) = static_cast<char>(wanted.at(300000) ^ 1);
  target.put(0, wanted.substr(0, 300000));
  target.put(300000, wanted.substr(300000, 300000));
  target.put_zeros(600000, 400000);
  CHECK(target.sink->contiguous_end() == kSize);
  CHECK(target.content->bytes_read() == 2 * kSize + 600000);  // text() twice; the hole is not read
  CHECK((target.result() == wanted));
  // The block of the grid, from where the extent begins.
  CHECK(target.sink->counts().written == 5 * kDifferenceGrid - 300000);
  CHECK(target.sink->counts().zeroed == 0);
  CHECK(target.sink->counts().equal == kSize - target.sink->counts().written);
}

TEST_CASE("zeros are made where there are none", "[difference_sink]") {
  Target target(std::make_shared<MemoryDisk>(
      kSize, std::vector<MapEntry>{{100000, 200000, Kind::kData}, {900000, 100, Kind::kData}}));
  target.put_zeros(0, kSize);
  CHECK((target.result() == std::string(kSize, '\0')));
  CHECK(target.sink->counts().zeroed == 200100);
  CHECK(target.sink->counts().equal == kSize - 200100);
}

TEST_CASE("zeros that are allocated are read, and left as they are", "[difference_sink]") {
  Target target(MemoryDisk::of_text(std::string(kSize, '\0')));
  target.put_zeros(0, 500000);
  target.put(500000, std::string(500000, '\0'));
  CHECK((target.result() == std::string(kSize, '\0')));
  CHECK(target.sink->counts().zeroed == 0);
  CHECK(target.sink->counts().equal == kSize);
}

TEST_CASE("what does not fit the target is refused, what cannot be read is an error", "[difference_sink]") {
  Target target(MemoryDisk::of_text(std::string(kSize, 'x')));
  const std::string bytes(10, 'y');
  CHECK(target.sink->put({kSize - 5, 10, Kind::kData, Buffer::copy_of(as_bytes(bytes))}).error().kind ==
        ErrorKind::kRefused);
  target.content->fail_at(5, system_error(EIO, "target"));
  CHECK_FALSE(target.sink->put({0, 10, Kind::kData, Buffer::copy_of(as_bytes(bytes))}).ok());
  CHECK((read_file(target.path) == std::string(kSize, 'x')));
}
