// Whatever fails while a snapshot is packed or read, at whatever moment: the right error, and it comes to an end.
#include <catch2/catch.hpp>

#include <fcntl.h>

#include <atomic>

#include "snapshot/verify.h"
#include "support/memory_disk.h"
#include "support/packed.h"
#include "support/snapshot_builder.h"
#include "support/snapshot_reading.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

const std::string kGolden = HX_TESTS_DIR "/golden/mirn-v1/";

// Runs full at its n-th call.
class FullOutput : public SnapshotOutput {
 public:
  explicit FullOutput(int calls) : left_(calls) {}
  Status start(const std::string&) override { return take(); }
  Status write(ByteSpan) override { return take(); }
  Status finish(const std::string&) override { return take(); }
  void abandon() override { abandoned = true; }
  bool seals() const override { return true; }
  bool abandoned = false;

 private:
  Status take() { return left_-- > 0 ? Status() : Status(Error{ErrorKind::kNoSpace, "output: no space", "", ""}); }
  int left_;
};

// A file whose n-th read fails.
class FaultyFile : public RandomReader {
 public:
  FaultyFile(std::string bytes, int reads) : bytes_(std::move(bytes)), memory_(as_bytes(bytes_)), left_(reads) {}
  Result<uint64_t> size() const override { return memory_.size(); }
  Status read_at(uint64_t offset, MutableByteSpan out) const override {
    if (left_-- > 0) return memory_.read_at(offset, out);
    return Error{ErrorKind::kSystem, "file: read at " + std::to_string(offset) + ": input/output error", "", ""};
  }
  const std::string& name() const override { return memory_.name(); }
  bool has_failed() const { return left_ < 0; }

 private:
  const std::string bytes_;
  const MemoryReader memory_;
  mutable std::atomic<int> left_;
};

// Shows other bytes when a place is read again.
class UnsteadyDisk : public DiskReader {
 public:
  explicit UnsteadyDisk(std::shared_ptr<MemoryDisk> disk, uint64_t place) : disk_(std::move(disk)), place_(place) {}
  const DiskInfo& info() const override { return disk_->info(); }
  const std::string& name() const override { return disk_->name(); }
  Result<ExtentList> map(uint64_t from, uint64_t to) const override { return disk_->map(from, to); }
  Status read_at(uint64_t offset, MutableByteSpan out) const override {
    HX_TRY(disk_->read_at(offset, out));
    if (offset <= place_ && place_ < offset + out.size() && offset + out.size() > head_) {
      if (reads_++ > 0) out[place_ - offset] ^= std::byte{1};
    }
    return {};
  }
  Status check_unchanged() const override { return {}; }

 private:
  std::shared_ptr<MemoryDisk> disk_;
  const uint64_t place_, head_ = 128 * kKiB;  // the probe's read of the head does not count
  mutable std::atomic<int> reads_ = 0;
};

std::shared_ptr<MemoryDisk> some_disk() {
  return std::make_shared<MemoryDisk>(
      3 * kMiB, std::vector<MapEntry>{
                    {5, 200000, Kind::kData}, {kMiB + 70000, 300000, Kind::kData}, {3 * kMiB - 9, 9, Kind::kData}});
}
PackOptions small_chunks() {
  PackOptions options;
  options.chunk_size = 64 * kKiB;
  options.level = 1;
  return options;
}

}  // namespace

TEST_CASE("an output that runs full at any moment ends the packing", "[failures]") {
  const auto disk = some_disk();
  disk->mutable_info().files = {{"vm.vmx", "x=1"}};
  for (const Path path : {Path::kPut, Path::kPutDisk}) {
    int calls = 0;
    for (bool done = false; !done; ++calls) {
      FullOutput output(calls);
      {
        const auto sink = snapshot_sink(output, small_chunks());
        Status status = pack_into(*sink, disk, path);
        done = status.ok();
        if (!done) {
          CHECK(status.error().kind == ErrorKind::kNoSpace);
          CHECK(status.error().message == "output: no space");
        }
      }
      CHECK(output.abandoned == !done);
      REQUIRE(calls < 1000);
    }
    CHECK(calls > 20);  // header, frames, page, file, directory, table, header
  }
}

TEST_CASE("ENOSPC names the output, or the spool", "[failures]") {
  const auto disk = std::make_shared<MemoryDisk>(3 * kMiB, std::vector<MapEntry>{{0, 3 * kMiB, Kind::kData}});
  const UniqueFd full(::open("/dev/full", O_WRONLY | O_CLOEXEC));
  REQUIRE(full);
  const auto output = unsealed_output(full.get(), "stdout");
  Status status = pack_into(*snapshot_sink(*output, small_chunks()), disk, Path::kPut);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().kind == ErrorKind::kNoSpace);
  CHECK_THAT(status.error().message, Catch::Matchers::StartsWith("stdout: write at "));
  CHECK(spooling_output(full.get(), "stdout", "/nowhere/at/all").error().kind == ErrorKind::kUsage);
}

TEST_CASE("a disk that fails anywhere ends the packing with its error", "[failures]") {
  for (const uint64_t at : {uint64_t{5}, uint64_t{100000}, kMiB + 80000, 3 * kMiB - 1}) {
    for (const Path path : {Path::kPut, Path::kPutDisk}) {
      const auto disk = some_disk();
      disk->fail_at(at,
                    Error{ErrorKind::kSystem, "disk: read at " + std::to_string(at) + ": input/output error", "", ""});
      FullOutput output(1 << 30);
      Status status = pack_into(*snapshot_sink(output, small_chunks()), disk, path);
      REQUIRE_FALSE(status.ok());
      CHECK(status.error().kind == ErrorKind::kSystem);
      CHECK(output.abandoned);
    }
  }
}

// Hashing such a hole takes hours: a packing that waits for it runs into the time limit of the test.
TEST_CASE("a packing that is given up behind a long hole ends at once", "[failures]") {
  const uint64_t size = uint64_t{64} << 40;
  FullOutput output(1 << 30);
  {
    const auto sink = snapshot_sink(output, {});
    DiskInfo info;
    info.key = "disk0";
    info.size = size;
    REQUIRE(sink->begin_disk(info).ok());
    REQUIRE(sink->put({0, size - kMiB, Kind::kZero, {}}).ok());
  }
  CHECK(output.abandoned);
}

TEST_CASE("a disk that fails behind a long hole ends the packing at once", "[failures]") {
  const uint64_t size = uint64_t{64} << 40;
  const auto disk = std::make_shared<MemoryDisk>(
      size, std::vector<MapEntry>{{0, kMiB, Kind::kData}, {size - kMiB, kMiB, Kind::kData}});
  disk->fail_at(size - 5, Error{ErrorKind::kSystem, "disk: read: input/output error", "", ""});
  FullOutput output(1 << 30);
  Status status = pack_into(*snapshot_sink(output, {}), disk, Path::kPutDisk);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().message == "disk: read: input/output error");
  CHECK(output.abandoned);
}

TEST_CASE("a disk that changes while it is read makes no snapshot", "[failures]") {
  for (const uint64_t place : {uint64_t{10}, kMiB + 70001, 3 * kMiB - 1}) {
    const auto disk = std::make_shared<UnsteadyDisk>(some_disk(), place);
    FullOutput output(1 << 30);
    PackOptions options;
    Status status = pack_into(*snapshot_sink(output, options), disk, Path::kPutDisk);
    REQUIRE_FALSE(status.ok());
    CHECK(status.error().kind == ErrorKind::kChanged);
    CHECK(output.abandoned);
  }
  for (const ImageDigest digest : {ImageDigest::kSerial, ImageDigest::kNone}) {
    for (const Path path : {Path::kPut, Path::kPutDisk}) {
      const auto disk = some_disk();
      disk->set_changed(source_changed("disk: changed"));
      FullOutput output(1 << 30);
      PackOptions options;
      options.image_digest = digest;
      CHECK(pack_into(*snapshot_sink(output, options), disk, path).error().kind == ErrorKind::kChanged);
      CHECK(output.abandoned);
    }
  }
}

TEST_CASE("what is not one whole disk is refused", "[failures]") {
  const auto packing = [](const DiskInfo& info, std::vector<std::pair<uint64_t, uint64_t>> zeros,
                          const DiskTotals& totals) -> Status {
    FullOutput output(1 << 30);
    const auto sink = snapshot_sink(output, {});
    HX_TRY(sink->begin_disk(info));
    for (const auto& [offset, length] : zeros) HX_TRY(sink->put({offset, length, Kind::kZero, {}}));
    HX_TRY(sink->end_disk(totals));
    return sink->commit();
  };
  DiskInfo info;
  info.key = "disk0";
  info.size = 100;
  CHECK(packing(info, {{0, 100}}, {100, 0, 100, {}}).ok());
  CHECK(packing(info, {{0, 99}}, {100, 0, 99, {}}).error().kind == ErrorKind::kDamaged);
  CHECK(packing(info, {{0, 101}}, {100, 0, 101, {}}).error().kind == ErrorKind::kDamaged);
  CHECK(packing(info, {{1, 99}}, {100, 0, 99, {}}).error().kind == ErrorKind::kDamaged);
  CHECK(packing(info, {{0, 50}, {0, 50}}, {100, 0, 100, {}}).error().kind == ErrorKind::kDamaged);
  CHECK(packing(info, {{0, 100}}, {100, 0, 100, Sha256::of({})}).error().kind == ErrorKind::kDamaged);
  DiskInfo part = info, delta = info, large = info;
  part.kind = DiskKind::kPart;
  delta.kind = DiskKind::kDelta;
  large.change_token = std::string(mirn::kMaxMetadata, 't');
  CHECK(packing(part, {}, {}).error().kind == ErrorKind::kUnsupported);
  CHECK(packing(delta, {}, {}).error().kind == ErrorKind::kUsage);
  CHECK(packing(large, {{0, 100}}, {100, 0, 100, {}}).error().kind == ErrorKind::kUnsupported);
  FullOutput output(1 << 30);
  const auto sink = snapshot_sink(output, {});
  REQUIRE(sink->begin_disk(info).ok());
  CHECK_FALSE(sink->commit().ok());
  CHECK(sink->begin_disk(info).error().kind == ErrorKind::kUnsupported);
}

TEST_CASE("a pipe that fails at any byte ends the reading with its error", "[failures]") {
  SnapshotBuilder builder;
  const std::string ours =
      builder.data("x" + std::string(65535, '\0')).zero(65536).page().data("e").page().file("f", "c").build();
  for (const std::string& bytes : {ours, read_file(kGolden + "good/hello.mirn")}) {
    for (size_t at = 0; at <= bytes.size(); ++at) {
      const std::string padded = bytes + '\0';  // so that there is a byte to fail at, where the end should be
      Dribble pipe(as_bytes(padded), 4096);
      pipe.fail_at(at, Error{ErrorKind::kSystem, "pipe: read: no", "", ""});
      const auto read = [&]() -> Result<std::vector<CollectedDisk>> {
        const SnapshotHeader header = HX_TRY(read_header(pipe));
        return collect(*(header.hx ? indexed_source(pipe, header, 2) : plain_source(pipe, header)));
      };
      auto result = read();
      if (result.ok()) FAIL("a failure at " << at << " is not seen");
      if (result.error().kind != ErrorKind::kSystem || result.error().message != "pipe: read: no")
        FAIL("at " << at << ": " << result.error().message);
    }
  }
}

TEST_CASE("a file that fails at any read ends the reading with its error", "[failures]") {
  SnapshotBuilder builder;
  const std::string bytes =
      builder.data("x" + std::string(65535, '\0')).zero(65536).page().data("e").page().file("f", "c").build();
  int reads = 0;
  for (bool done = false; !done; ++reads) {
    const auto file = std::make_shared<FaultyFile>(bytes, reads);
    const auto verify = [&]() -> Result<VerifyReport> {
      const std::shared_ptr<SnapshotReader> reader = HX_TRY(SnapshotReader::open(file));
      VerifyOptions options;
      options.image_digest = true;
      return verify_snapshot(reader, options);
    };
    auto report = verify();
    done = report.ok();
    if (!done) CHECK(report.error().kind == ErrorKind::kSystem);
    CHECK(file->has_failed() == !done);
    if (done) CHECK(report->damage.empty());
    REQUIRE(reads < 1000);
  }
  CHECK(reads > 10);
}

TEST_CASE("a source that is given up early lets go of its threads", "[failures]") {
  auto packed = pack(some_disk(), small_chunks());
  REQUIRE(packed.ok());
  for (const std::string& bytes : {packed->bytes, read_file(kGolden + "good/odd-length.mirn")}) {
    for (int extents = -1; extents < 4; ++extents) {
      Dribble pipe(as_bytes(bytes), 1000);
      const SnapshotHeader header = read_header(pipe).value();
      const auto source = header.hx ? indexed_source(pipe, header, 2) : plain_source(pipe, header);
      if (extents >= 0) REQUIRE(source->next_disk().ok());
      for (int i = 0; i < extents; ++i) {
        auto extent = source->next();
        REQUIRE(extent.ok());
        if (!*extent) break;
      }
    }
  }
}
