#include <catch2/catch.hpp>

#include <set>
#include <thread>

#include "extent/pump.h"
#include "extent/read_ahead.h"
#include "support/collected.h"
#include "support/memory_disk.h"

using namespace hx;
using namespace hx::test;

namespace {

std::shared_ptr<MemoryDisk> island_disk() {
  return std::make_shared<MemoryDisk>(
      10 * kMiB + 3, std::vector<MapEntry>{{7, 3 * kMiB, Kind::kData}, {9 * kMiB, kMiB + 3, Kind::kData}});
}
std::unique_ptr<ExtentSource> source_of(const std::shared_ptr<MemoryDisk>& disk) {
  return read_ahead(disk, disk->whole_map(), {});
}
const Error kFault{ErrorKind::kPermission, "x: put at 2097152: no", "", ""};

class FakeClock : public Clock {
 public:
  std::chrono::steady_clock::time_point now() const override { return now_; }
  std::chrono::system_clock::time_point wall_now() const override { return {}; }
  void sleep_for(std::chrono::nanoseconds time) override {
    now_ += std::chrono::duration_cast<std::chrono::steady_clock::duration>(time);
  }

 private:
  std::chrono::steady_clock::time_point now_;
};

}  // namespace

TEST_CASE("a pump moves all disks, counts them, and leaves the commit to its caller") {
  auto disk = island_disk();
  CollectingSink sink;
  Progress progress;
  REQUIRE(pump(*source_of(disk), sink, {&progress, nullptr}).ok());
  REQUIRE(sink.disks.size() == 1);
  CHECK((sink.disks[0].image() == disk->text()));
  CHECK_FALSE(sink.is_committed);
  CHECK(sink.aborted_with.empty());
  progress.for_each([](const DiskProgress& counted) {
    CHECK(counted.name == "memory");
    CHECK(counted.total == 10 * kMiB + 3);
    CHECK(counted.covered == 10 * kMiB + 3);
    CHECK(counted.moved == 4 * kMiB + 3);
    CHECK(counted.finished);
  });
}

TEST_CASE("a pump waits for the rate limiter before data, not before zeros") {
  auto disk = island_disk();
  FakeClock clock;
  RateLimiter limiter(kMiB, clock);
  CollectingSink sink;
  const auto begin = clock.now();
  REQUIRE(pump(*source_of(disk), sink, {nullptr, &limiter}).ok());
  const double seconds = std::chrono::duration<double>(clock.now() - begin).count();
  CHECK(seconds > 2.5);  // 4 MiB at 1 MiB/s, less what may be saved up and the last piece
  CHECK(seconds < 4.5);
}

TEST_CASE("a failing source or sink ends the pump, and the sink is told why") {
  auto disk = island_disk();
  CollectingSink sink;
  SECTION("source") { disk->fail_at(2 * kMiB, kFault); }
  SECTION("sink") { sink.fail_at(2 * kMiB, kFault); }
  SECTION("proof at the end") { disk->set_changed(kFault); }
  Status pumped = pump(*source_of(disk), sink, {});
  REQUIRE_FALSE(pumped.ok());
  CHECK(pumped.error().message == kFault.message);
  REQUIRE(sink.aborted_with.size() == 1);
  CHECK(sink.aborted_with[0].message == kFault.message);
}

TEST_CASE("a parallel pump moves a disk, in pieces of a grain, zeros whole") {
  for (const int threads : {1, 2, 5}) {
    for (const uint64_t grain : {64 * kKiB, kMiB, 4 * kMiB}) {
      INFO(threads << " threads, grain " << grain);
      auto disk = island_disk();
      disk->set_grain(grain);
      CollectingSink sink(Order::kAny);
      Progress progress;
      REQUIRE(parallel_pump(*disk, disk->whole_map(), sink, threads, {&progress, nullptr}).ok());
      REQUIRE(sink.disks.size() == 1);
      CHECK((sink.disks[0].image() == disk->text()));
      CHECK(sink.disks[0].map() == disk->whole_map().entries());
      size_t zeros = 0;
      for (const CollectedExtent& extent : sink.disks[0].extents) {
        if (extent.kind == Kind::kZero)
          ++zeros;
        else
          CHECK(extent.offset / grain == (extent.offset + extent.length - 1) / grain);
      }
      CHECK(zeros == 2);
      CHECK(sink.disks[0].totals.data_bytes == 4 * kMiB + 3);
      progress.for_each([](const DiskProgress& counted) { CHECK(counted.covered == counted.total); });
    }
  }
}

TEST_CASE("a failing disk or sink ends a parallel pump, and the sink is told why") {
  auto disk = island_disk();
  CollectingSink sink(Order::kAny);
  SECTION("disk") { disk->fail_at(2 * kMiB, kFault); }
  SECTION("sink") { sink.fail_at(2 * kMiB, kFault); }
  SECTION("proof at the end") { disk->set_changed(kFault); }
  Status pumped = parallel_pump(*disk, disk->whole_map(), sink, 3, {});
  REQUIRE_FALSE(pumped.ok());
  CHECK(pumped.error().message == kFault.message);
  REQUIRE(sink.aborted_with.size() == 1);
  CHECK(sink.aborted_with[0].message == kFault.message);
}

TEST_CASE("a sink that wants order gets no parallel pump") {
  auto disk = island_disk();
  CollectingSink sink;
  CHECK_FALSE(parallel_pump(*disk, disk->whole_map(), sink, 2, {}).ok());
  CHECK(sink.disks.empty());
}

TEST_CASE("a parallel pump shows less than the whole disk as a part") {
  auto disk = island_disk();
  CollectingSink sink(Order::kAny);
  REQUIRE(parallel_pump(*disk, clip(disk->whole_map(), {{0, 100}}), sink, 2, {}).ok());
  CHECK(sink.disks[0].info.kind == DiskKind::kPart);
  CHECK(sink.disks[0].info.ranges == std::vector<Range>{{0, 100}});
}
