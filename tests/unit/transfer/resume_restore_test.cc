#include "transfer/resume_restore.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <random>

#include "base/json.h"
#include "checkpoint/sidecar_file.h"
#include "checkpoint/sidecar_text.h"
#include "support/inputs.h"
#include "support/recorded_calls.h"
#include "support/replayed_calls.h"
#include "support/temporary_directory.h"
#include "transfer/restore_run.h"

using namespace hx;
using namespace hx::test;

namespace {

constexpr uint32_t kChunk = 64 * kKiB;
constexpr uint64_t kSize = 10 * kChunk + 1234;

std::shared_ptr<MemoryDisk> disk_of(uint64_t seed) {
  auto disk = std::make_shared<MemoryDisk>(kSize, std::vector<MapEntry>{{0, kSize, Kind::kData}}, seed);
  disk->set_grain(kChunk);
  return disk;
}
std::string snapshot_of(uint64_t seed) {
  PackOptions options;
  options.chunk_size = kChunk;
  return pack(disk_of(seed), options).value().bytes;
}

// One target, restored by several runs.
class Target {
 public:
  explicit Target(bool in_place) : in_place_(in_place) {
    if (in_place) write_file(path(), std::string(kSize + 77, 'x'));
  }
  std::string path() const { return directory_ / "disk.img"; }
  std::string part() const { return in_place_ ? path() : path() + ".part"; }
  std::string sidecar() const { return sidecar_of_output(path()); }
  std::string directory() const { return directory_.path(); }
  std::string content() const { return read_file(path()).substr(0, kSize); }

  RestoreTarget target(std::chrono::milliseconds interval = {}) const {
    RestoreTarget target;
    target.path = path();
    target.in_place = in_place_;
    target.resume = ResumeRestore{"", interval, [](const std::string&) {}};
    return target;
  }
  // A run that puts these chunks of what is missing, saves after each `saved` of them, and is killed.
  void run_killed(const SnapshotInput& input, const std::vector<uint64_t>& chunks, size_t saved) {
    RestoreJob job;
    job.input = const_cast<SnapshotInput*>(&input);
    const TargetKind kind = in_place_ ? TargetKind::kInPlace : TargetKind::kNewFile;
    const auto sink = open_resuming_target(target(), kind, job).value();
    const auto reader = input.open_indexed().value();
    REQUIRE(sink->begin_disk(reader->info()).ok());
    BufferPool pool(kChunk, 1);
    size_t put = 0;
    for (const uint64_t chunk : chunks) {
      const uint64_t offset = chunk * kChunk, length = std::min<uint64_t>(kChunk, kSize - offset);
      Extent extent{offset, length, Kind::kData, pool.acquire(length)};
      REQUIRE(reader->read_at(offset, extent.data.bytes()).ok());
      REQUIRE(sink->put(std::move(extent)).ok());
      if (++put % saved == 0) (void)sink->save_and_tell();
    }
  }
  Result<RestoreDone> run(SnapshotInput& input, int threads = 2) const {
    RestoreJob job;
    job.input = &input;
    job.threads = threads;
    RestoreRun run = HX_TRY(RestoreRun::open(job, target(), ""));
    HX_TRY(run.check_first());
    return run.run();
  }

 private:
  TemporaryDirectory directory_;
  const bool in_place_;
};

std::vector<uint64_t> shuffled(unsigned seed) {
  std::vector<uint64_t> chunks(11);
  for (size_t i = 0; i < chunks.size(); ++i) chunks[i] = i;
  std::shuffle(chunks.begin(), chunks.end(), std::mt19937(seed));
  return chunks;
}

bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }

uint64_t durable(const Target& target) {
  const auto checkpoint = read_sidecar(target.sidecar());
  return checkpoint.ok() ? checkpoint.value().files.at(0).ranges.bytes() : 0;
}

}  // namespace

TEST_CASE("a restore killed after any chunk goes on, and writes only what no checkpoint has", "[resume_restore]") {
  const std::string bytes = snapshot_of(1), image = disk_of(1)->text();
  const MemoryFile file(bytes);
  const auto input = SnapshotInput::open(file.path()).value();
  for (const bool in_place : {false, true}) {
    for (size_t killed_after = 0; killed_after <= 11; ++killed_after) {
      INFO(killed_after << (in_place ? " in place" : " new"));
      Target target(in_place);
      std::vector<uint64_t> chunks = shuffled(static_cast<unsigned>(killed_after));
      chunks.resize(killed_after);
      target.run_killed(*input, chunks, 2);
      const uint64_t kept = durable(target);
      CHECK(kept + kChunk > killed_after / 2 * 2 * kChunk);  // one may be the last, which is short
      if (!in_place) CHECK_FALSE(exists(target.path()));
      auto done = target.run(*input);
      INFO((done.ok() ? "" : done.error().message));
      REQUIRE(done.ok());
      CHECK(target.content() == image);
      CHECK_FALSE(exists(target.sidecar()));
      const Json receipt = parse_json(done.value().receipt).value();
      CHECK(receipt["resumed"] == kept);
      CHECK(receipt["written"] == kSize - kept);
    }
  }
}

TEST_CASE("another snapshot is refused before anything is touched", "[resume_restore]") {
  const std::string bytes = snapshot_of(1), others = snapshot_of(2);
  const MemoryFile file(bytes), other(others);
  const auto input = SnapshotInput::open(file.path()).value(), wrong = SnapshotInput::open(other.path()).value();
  for (const bool in_place : {false, true}) {
    Target target(in_place);
    target.run_killed(*input, {3, 1, 7}, 1);
    const std::string before = read_file(target.part()), sidecar = read_file(target.sidecar());
    auto refused = target.run(*wrong);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().kind == ErrorKind::kChanged);
    CHECK(read_file(target.part()) == before);
    CHECK(read_file(target.sidecar()) == sidecar);
    // And with its own it still goes on.
    REQUIRE(target.run(*input).ok());
    CHECK(target.content() == disk_of(1)->text());
  }
}

TEST_CASE("a target that somebody else has written to is refused", "[resume_restore]") {
  const std::string bytes = snapshot_of(1);
  const MemoryFile file(bytes);
  const auto input = SnapshotInput::open(file.path()).value();
  for (const bool in_place : {false, true}) {
    Target target(in_place);
    target.run_killed(*input, {3, 1, 7}, 1);
    std::string changed = read_file(target.part());
    changed[3 * kChunk] = static_cast<char>(changed[3 * kChunk] ^ 1);
    write_file(target.part(), changed);
    auto refused = target.run(*input);
    REQUIRE_FALSE(refused.ok());
    CHECK(refused.error().kind == ErrorKind::kRefused);
    CHECK(read_file(target.part()) == changed);
  }
}

TEST_CASE("what was written but is in no checkpoint does not shine through where zeros are due", "[resume_restore]") {
  PackOptions options;
  options.chunk_size = kChunk;
  const auto disk = std::make_shared<MemoryDisk>(kSize, std::vector<MapEntry>{{0, 2 * kChunk, Kind::kData}}, 1);
  const MemoryFile file(pack(disk, options).value().bytes);
  const auto input = SnapshotInput::open(file.path()).value();
  Target target(false);
  target.run_killed(*input, {0}, 1);
  std::string part = read_file(target.part());
  part.replace(5 * kChunk, 9, "leftovers");
  write_file(target.part(), part);
  REQUIRE(target.run(*input).ok());
  CHECK(target.content() == disk->text());
}

TEST_CASE("power cut: what a restore's sidecar names is durable after every call", "[resume_restore]") {
  const std::string bytes = snapshot_of(1), image = disk_of(1)->text();
  for (const bool in_place : {false, true}) {
    TemporaryDirectory elsewhere;  // a snapshot that is not written to while calls are recorded
    write_file(elsewhere / "vm.mirn", bytes);
    const auto input = SnapshotInput::open(elsewhere / "vm.mirn").value();
    Target target(in_place);
    std::vector<Call> calls;
    struct stat directory, written;
    REQUIRE(::stat(target.directory().c_str(), &directory) == 0);
    {
      RecordedCalls recorded;
      target.run_killed(*input, {9, 2, 3, 10, 0}, 2);
      REQUIRE(::stat(target.part().c_str(), &written) == 0);
      target.run_killed(*input, {1, 4}, 1);
      REQUIRE(target.run(*input, 1).ok());
      calls = recorded.take();
    }
    REQUIRE(target.content() == image);
    ReplayedCalls replayed(directory.st_ino);
    const std::string sidecar = target.sidecar().substr(target.sidecar().rfind('/') + 1);
    size_t claims = 0;
    const ino_t part = written.st_ino;
    bool has_name = in_place;
    for (size_t i = 0; i < calls.size(); ++i) {
      // The part has its name from its first call on.
      if (calls[i].inode == part && !std::exchange(has_name, true)) replayed.created("disk.img.part", part);
      replayed.apply(calls[i]);
      INFO("after call " << i + 1);
      for (const ino_t candidate : replayed.may_be(sidecar)) {
        if (candidate == 0) continue;
        REQUIRE(replayed.is_certain(candidate));
        const Checkpoint checkpoint = parse_sidecar(replayed.durable(candidate)).value();
        for (const ByteInterval& range : checkpoint.files.at(0).ranges.intervals()) {
          ++claims;
          if (!in_place) {
            const auto places = replayed.may_be("disk.img.part"), finals = replayed.may_be("disk.img");
            CHECK((places == std::set<ino_t>{part} || finals.contains(part)));
          }
          REQUIRE(replayed.has(part, range.begin, image.substr(range.begin, range.end - range.begin)));
        }
      }
    }
    CHECK(claims > 20);
  }
}
