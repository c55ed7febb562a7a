// running_checkpoint.h, part_file.h, disk_check.h
#include "checkpoint/running_checkpoint.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <future>

#include "checkpoint/disk_check.h"
#include "checkpoint/part_file.h"
#include "checkpoint/sidecar_file.h"
#include "checkpoint/sidecar_text.h"
#include "hash/sha256.h"
#include "sample_checkpoint.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

// In memory; may fail.
class MemoryStore : public CheckpointStore {
 public:
  Result<std::optional<Stored>> load() override {
    return text.empty() ? std::optional<Stored>() : Stored{text, version};
  }
  Result<std::string> store(const std::string& new_text, const std::optional<std::string>& replaces) override {
    if (full) return system_error(ENOSPC, "memory");
    if (replaces.value_or("") != version) return refused("changed");
    text = new_text;
    version = std::to_string(++count);
    if (count == wake_at) reached.set_value();
    return version;
  }
  Result<std::string> set_aside() override { return text.clear(), "bad"; }
  Status remove(const std::string&) override { return text.clear(), Status(); }
  const std::string& name() const override { return name_; }
  FileCheckpoint file(const std::string& path) const { return *parse_sidecar(text).value().find(path); }

  std::string text, version;
  int count = 0, wake_at = 0;
  bool full = false;
  std::promise<void> reached;

 private:
  std::string name_ = "memory";
};

struct Running {
  MemoryStore store;
  RunningCheckpoint checkpoint{store, Beginning{Checkpoint{}, std::nullopt, false}, system_clock()};
  void put(const std::string& path, uint64_t size) {
    FileCheckpoint file;
    file.path = path;
    file.total_size = size;
    REQUIRE(checkpoint.put_file(file).ok());
  }
};
constexpr auto kAnew = RunningCheckpoint::Begin::kAnew;
constexpr auto kContinue = RunningCheckpoint::Begin::kContinue;

}  // namespace

TEST_CASE("what is written is durable only after its file's sync") {
  Running run;
  run.put("a", 100);
  int syncs = 0;
  REQUIRE(run.checkpoint.open_file("a", kAnew, [&] { return ++syncs, Status(); }).ok());
  CHECK(run.store.file("a").status == FileStatus::kDownloading);
  CHECK(syncs == 0);
  REQUIRE(run.checkpoint.written("a", 0, 10).ok());
  REQUIRE(run.checkpoint.written("a", 50, 60).ok());
  CHECK(run.checkpoint.get().find("a")->ranges.empty());
  REQUIRE(run.checkpoint.save().ok());
  CHECK(syncs == 1);
  CHECK(run.store.file("a").ranges.intervals() == std::vector<ByteInterval>{{0, 10}, {50, 60}});
  CHECK(run.store.file("a").downloaded_size == 20);
  REQUIRE(run.checkpoint.save().ok());
  CHECK(syncs == 1);  // nothing new
}

TEST_CASE("what is written while a sync runs waits for the next one") {
  Running run;
  run.put("a", 100);
  bool first = true;
  REQUIRE(run.checkpoint
              .open_file("a", kAnew,
                         [&] {
                           if (std::exchange(first, false)) return run.checkpoint.written("a", 10, 20);
                           return Status();
                         })
              .ok());
  REQUIRE(run.checkpoint.written("a", 0, 10).ok());
  REQUIRE(run.checkpoint.save().ok());
  CHECK(run.store.file("a").ranges.bytes() == 10);
  REQUIRE(run.checkpoint.save().ok());
  CHECK(run.store.file("a").ranges.bytes() == 20);
}

TEST_CASE("after a failed sync nothing more of that file counts, the others do") {
  Running run;
  run.put("bad", 100);
  run.put("good", 100);
  bool fails = true;
  REQUIRE(run.checkpoint.open_file("bad", kAnew, [&] { return fails ? Status(bug("EIO")) : Status(); }).ok());
  REQUIRE(run.checkpoint.open_file("good", kAnew, [] { return Status(); }).ok());
  REQUIRE(run.checkpoint.written("bad", 0, 10).ok());
  REQUIRE(run.checkpoint.written("good", 0, 10).ok());
  CHECK(run.checkpoint.save().error().message == "EIO");
  fails = false;  // the kernel would say nothing of the lost bytes any more
  CHECK_FALSE(run.checkpoint.written("bad", 10, 20).ok());
  CHECK(run.checkpoint.save().ok());
  CHECK(run.store.file("bad").ranges.empty());
  CHECK(run.store.file("bad").status == FileStatus::kFailed);
  CHECK(run.store.file("good").ranges.bytes() == 10);
  CHECK_FALSE(run.checkpoint.close_file("bad", FileStatus::kDownloading).ok());
  CHECK(run.checkpoint.close_file("good", FileStatus::kDownloading).ok());
}

TEST_CASE("a store that is full loses nothing that comes later") {
  Running run;
  run.put("a", 100);
  REQUIRE(run.checkpoint.open_file("a", kAnew, [] { return Status(); }).ok());
  REQUIRE(run.checkpoint.written("a", 0, 10).ok());
  run.store.full = true;
  CHECK(run.checkpoint.save().error().kind == ErrorKind::kNoSpace);
  run.store.full = false;
  REQUIRE(run.checkpoint.save().ok());
  CHECK(run.store.file("a").ranges.bytes() == 10);
}

TEST_CASE("a digest's state counts when the bytes that it is of are durable") {
  Running run;
  run.put("a", 200);
  REQUIRE(run.checkpoint.open_file("a", kAnew, [] { return Status(); }).ok());
  ResumableSha256 hasher;
  hasher.update_zeros(128);
  run.checkpoint.hashed("a", hasher.state());
  REQUIRE(run.checkpoint.written("a", 0, 100).ok());
  REQUIRE(run.checkpoint.save().ok());
  CHECK_FALSE(run.store.file("a").partial);
  run.checkpoint.hashed("a", hasher.state());
  REQUIRE(run.checkpoint.written("a", 100, 128).ok());
  REQUIRE(run.checkpoint.save().ok());
  REQUIRE(run.store.file("a").partial);
  CHECK(run.store.file("a").partial->state == hasher.state());
  CHECK(is_consistent(*run.store.file("a").partial));
}

TEST_CASE("many threads write, one saves") {
  Running run;
  run.put("a", 8000);
  REQUIRE(run.checkpoint.open_file("a", kAnew, [] { return Status(); }).ok());
  std::vector<std::thread> threads;
  for (uint64_t worker = 0; worker < 4; ++worker)
    threads.emplace_back([&run, worker] {
      for (uint64_t i = worker; i < 1000; i += 4) (void)run.checkpoint.written("a", 8 * i, 8 * i + 8);
    });
  for (int i = 0; i < 10; ++i) CHECK(run.checkpoint.save().ok());
  for (auto& thread : threads) thread.join();
  CHECK(run.checkpoint.close_file("a", FileStatus::kDownloading).ok());
  CHECK(run.store.file("a").ranges.contains(0, 8000));
}

TEST_CASE("the timer saves again and again, and ends at once") {
  Running run;
  run.store.wake_at = 3;
  {
    SaveTimer timer(run.checkpoint, std::chrono::milliseconds(1), [](const Error&) {});
    run.store.reached.get_future().wait();
    SaveTimer slow(run.checkpoint, std::chrono::hours(1), [](const Error&) {});
    SaveTimer none(run.checkpoint, std::chrono::milliseconds(0), [](const Error&) {});
  }
  std::promise<void> told;
  run.store.full = true;
  SaveTimer timer(run.checkpoint, std::chrono::milliseconds(1), [&, first = true](const Error&) mutable {
    if (std::exchange(first, false)) told.set_value();
  });
  told.get_future().wait();
}

TEST_CASE("a file over two runs: parts, whole, checked at each step") {
  TemporaryDirectory directory;
  const std::string path = directory / "disk.img", content = std::string(100, 'a') + std::string(100, 'b');
  const std::string sidecar = directory / ".vm.checkpoint";
  const auto finding = [&](CheckDepth depth = CheckDepth::kChecksums) {
    return check_file(*read_sidecar(sidecar).value().find("disk.img"), directory.path(), depth);
  };
  {
    const auto store = open_file_store(sidecar, system_clock()).value();
    RunningCheckpoint run(*store, Beginning{Checkpoint{}, std::nullopt, false}, system_clock());
    FileCheckpoint entry;
    entry.path = "disk.img";
    entry.total_size = 200;
    REQUIRE(run.put_file(entry).ok());
    PartFile part = PartFile::open(path, PartBeginning::kAnew).value();
    REQUIRE(run.open_file("disk.img", kAnew, [&] { return part.sync(); }).ok());
    CHECK(finding().holds);
    CHECK(finding().message == "nothing yet");
    REQUIRE(part.write_at(100, as_bytes(content.substr(100, 50))).ok());
    REQUIRE(run.written("disk.img", 100, 150).ok());
    REQUIRE(part.write_at(0, as_bytes(content.substr(0, 64))).ok());
    REQUIRE(run.written("disk.img", 0, 64).ok());
    ResumableSha256 hasher;
    hasher.update(as_bytes(content.substr(0, 64)));
    run.hashed("disk.img", hasher.state());
    REQUIRE(run.save().ok());
  }
  CHECK(finding().holds);
  CHECK_FALSE(finding().is_whole);
  CHECK(access(path.c_str(), F_OK) != 0);
  std::string bytes = read_file(path + ".part");
  write_file(path + ".part", bytes.substr(0, 149));
  CHECK_FALSE(finding(CheckDepth::kSizes).holds);
  bytes[63] ^= 1;
  write_file(path + ".part", bytes);
  CHECK(finding(CheckDepth::kSizes).holds);
  CHECK_FALSE(finding().holds);
  bytes[63] ^= 1;
  write_file(path + ".part", bytes);
  {
    const auto store = open_file_store(sidecar, system_clock()).value();
    Beginning beginning = begin_checkpoint(*store, Checkpoint{}, Restart::kNo, [](const std::string&) {}).value();
    REQUIRE(beginning.resumed);
    RunningCheckpoint run(*store, std::move(beginning), system_clock());
    PartFile part = PartFile::open(path, PartBeginning::kContinue).value();
    REQUIRE(run.open_file("disk.img", kContinue, [&] { return part.sync(); }).ok());
    ResumableSha256 hasher(run.file("disk.img")->partial->state);
    hasher.update(as_bytes(content).subspan(64));
    for (const ByteInterval& gap : run.file("disk.img")->ranges.missing(200)) {
      REQUIRE(part.write_at(gap.begin, as_bytes(content.substr(gap.begin, gap.end - gap.begin))).ok());
      REQUIRE(run.written("disk.img", gap.begin, gap.end).ok());
    }
    REQUIRE(run.close_file("disk.img", FileStatus::kDownloading).ok());
    REQUIRE(part.finish(200, Overwrite::kRefuse).ok());
    CHECK(finding().is_whole);  // renamed, and the save that says so is still to come
    write_file(path, "x" + content.substr(1));
    CHECK_FALSE(finding().is_whole);  // of its first bytes the digest is known
    CHECK(finding(CheckDepth::kSizes).is_whole);
    write_file(path, content);
    REQUIRE(run.complete_file("disk.img", hasher.digest().hex()).ok());
    CHECK(hasher.digest() == Sha256::of(as_bytes(content)));
    CHECK(read_sidecar(sidecar).value().is_complete());
    CHECK(finding().holds);
    write_file(path, content.substr(1));
    CHECK_FALSE(finding(CheckDepth::kSizes).holds);
    write_file(path, content.substr(1) + "x");
    CHECK(finding(CheckDepth::kSizes).holds);
    CHECK_FALSE(finding().holds);
    ::unlink(path.c_str());
    CHECK(finding().message == "is missing");
    REQUIRE(run.finish().ok());
  }
  CHECK(directory.count() == 0);
}

TEST_CASE("a part that is somebody else's file is refused, and a final name that is taken") {
  TemporaryDirectory directory;
  write_file(directory / "precious", "content");
  REQUIRE(::link((directory / "precious").c_str(), (directory / "a.part").c_str()) == 0);
  CHECK(PartFile::open(directory / "a", PartBeginning::kAnew).error().kind == ErrorKind::kRefused);
  REQUIRE(::symlink("precious", (directory / "b.part").c_str()) == 0);
  CHECK_FALSE(PartFile::open(directory / "b", PartBeginning::kAnew).ok());
  CHECK(read_file(directory / "precious") == "content");
  PartFile part = PartFile::open(directory / "precious", PartBeginning::kAnew).value();
  CHECK(part.finish(0, Overwrite::kRefuse).error().kind == ErrorKind::kRefused);
  CHECK(part.finish(0, Overwrite::kReplace).ok());
  CHECK(read_file(directory / "precious").empty());
}
