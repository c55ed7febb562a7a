// The power is cut after each call that an export makes, and the disk then has as little, or as much, of what was not
// synced as the kernel may leave: what the sidecar names as durable must be there in every such state.
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <map>
#include <set>

#include "checkpoint/part_file.h"
#include "checkpoint/running_checkpoint.h"
#include "checkpoint/sidecar_text.h"
#include "support/recorded_calls.h"
#include "support/replayed_calls.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

constexpr uint64_t kSize = 40;
const std::string kSidecar = ".vm.checkpoint";

// The content of a file in a generation of its source.
char byte_at(const std::string& path, const std::string& generation, uint64_t offset) {
  return static_cast<char>('A' + (offset + path.back() * 7U + generation.back() * 11U) % 50);
}
std::string content_of(const std::string& path, const std::string& generation, uint64_t begin, uint64_t end) {
  std::string text;
  while (begin < end) text += byte_at(path, generation, begin++);
  return text;
}

// One state of the disk: empty, or what is wrong with it.
std::string violation(const ReplayedCalls& disk) {
  for (const ino_t sidecar : disk.may_be(kSidecar)) {
    if (sidecar == 0) continue;
    if (!disk.is_certain(sidecar)) return "the sidecar has its name before its bytes";
    const Result<Checkpoint> checkpoint = parse_sidecar(disk.durable(sidecar));
    if (!checkpoint) return "the sidecar cannot be read";
    for (const FileCheckpoint& file : checkpoint.value().files) {
      const std::string generation = file.validator.value;
      std::set<ino_t> places = disk.may_be(file.path + ".part");
      std::vector<ByteInterval> claims = file.ranges.intervals();
      const std::set<ino_t> finals = disk.may_be(file.path);
      if (file.status == FileStatus::kCompleted) {
        places = finals;
        claims = {{0, *file.total_size}};
      } else if (file.ranges.contains(0, *file.total_size) && places.erase(0) > 0) {
        places.insert(disk.latest(file.path));  // being renamed: under one name or the other
      }
      if (claims.empty()) continue;
      if (places.size() != 1 || places.contains(0)) return file.path + ": its name is not durable";
      for (const ByteInterval& claim : claims)
        if (!disk.has(*places.begin(), claim.begin, content_of(file.path, generation, claim.begin, claim.end)))
          return file.path + ": " + std::to_string(claim.begin) + "-" + std::to_string(claim.end) + " is not durable";
    }
  }
  return "";
}

enum class Fault : uint8_t { kNone, kNoSync, kEmptiedFirst, kCompletedFirst };

class Export {
 public:
  Export(const std::string& directory, Fault fault) : directory_(directory), fault_(fault) {}

  // One run; it ends, as by a signal, with this file half written.
  void run(const std::string& generation, Restart restart, const std::string& interrupted) {
    const auto store = open_file_store(directory_ + "/" + kSidecar, system_clock()).value();
    Checkpoint wanted;
    wanted.vm_name = "vm";
    Beginning beginning = begin_checkpoint(*store, wanted, restart, [](const std::string&) {}).value();
    const bool resumed = beginning.resumed;
    RunningCheckpoint checkpoint(*store, std::move(beginning), system_clock());
    for (const std::string path : {"a", "b"}) {
      if (!resumed) {
        FileCheckpoint entry;
        entry.path = path;
        entry.total_size = kSize;
        entry.validator = {ValidatorKind::kState, generation};
        REQUIRE(checkpoint.put_file(entry).ok());
      }
      if (checkpoint.file(path)->status == FileStatus::kCompleted) continue;
      const bool stops = path == interrupted;
      fetch(checkpoint, path, generation, resumed, stops);
      if (stops) return;
    }
    if (generation == "4") REQUIRE(checkpoint.finish().ok());
  }

 private:
  void fetch(RunningCheckpoint& checkpoint, const std::string& path, const std::string& generation, bool resumed,
             bool stops) {
    const std::string full = directory_ + "/" + path;
    const auto begin = resumed ? RunningCheckpoint::Begin::kContinue : RunningCheckpoint::Begin::kAnew;
    std::optional<PartFile> part;
    const auto sync = [&] { return fault_ == Fault::kNoSync ? Status() : part->sync(); };
    const auto open_part = [&] {
      part.emplace(PartFile::open(full, resumed ? PartBeginning::kContinue : PartBeginning::kAnew).value());
    };
    if (fault_ == Fault::kEmptiedFirst) open_part();
    REQUIRE(checkpoint.open_file(path, begin, sync).ok());
    if (fault_ != Fault::kEmptiedFirst) open_part();
    // From the end to the beginning, saved after each but the last piece.
    auto gaps = checkpoint.file(path)->ranges.missing(kSize);
    for (auto gap = gaps.rbegin(); gap != gaps.rend(); ++gap) {
      for (uint64_t end = gap->end; end > gap->begin;) {
        const uint64_t first = end - std::min<uint64_t>(7, end - gap->begin);
        REQUIRE(part->write_at(first, as_bytes(content_of(path, generation, first, end))).ok());
        REQUIRE(checkpoint.written(path, first, end).ok());
        if (stops && end < kSize / 2) return;
        REQUIRE(checkpoint.save().ok());
        end = first;
      }
    }
    if (fault_ == Fault::kCompletedFirst) REQUIRE(checkpoint.complete_file(path, "").ok());
    REQUIRE(checkpoint.close_file(path, FileStatus::kDownloading).ok());
    REQUIRE(part->finish(kSize, Overwrite::kReplace).ok());
    REQUIRE(checkpoint.complete_file(path, "").ok());
  }

  const std::string directory_;
  const Fault fault_;
};

// Exports, interrupts, resumes, and starts again with a source that has changed; replays every prefix of its calls.
// The first violation, or "".
std::string first_violation(Fault fault, size_t& states) {
  TemporaryDirectory directory;
  std::vector<Call> calls;
  {
    RecordedCalls recorded;
    Export exporter(directory.path(), fault);
    exporter.run("1", Restart::kNo, "b");
    exporter.run("1", Restart::kNo, "");
    exporter.run("2", Restart::kYes, "a");
    exporter.run("3", Restart::kYes, "b");
    exporter.run("3", Restart::kNo, "");
    exporter.run("4", Restart::kYes, "");
    calls = recorded.take();
  }
  struct stat st;
  REQUIRE(::stat(directory.path().c_str(), &st) == 0);
  ReplayedCalls disk(st.st_ino);
  std::map<ino_t, std::string> parts;
  states = 0;
  for (size_t i = 0; i < calls.size(); ++i) {
    // A .part has its name from its first call on: the one that renames it later says which it is.
    const Call& call = calls[i];
    if (call.what == Call::What::kWrite && !parts.contains(call.inode))
      for (size_t later = i; later < calls.size(); ++later)
        if (calls[later].what == Call::What::kRename && calls[later].inode == call.inode) {
          parts[call.inode] = calls[later].from;
          if (calls[later].from.ends_with(".part")) disk.created(calls[later].from, call.inode);
          break;
        }
    disk.apply(call);
    ++states;
    const std::string wrong = violation(disk);
    if (!wrong.empty()) return "after call " + std::to_string(i + 1) + ": " + wrong;
  }
  return "";
}

}  // namespace

TEST_CASE("power cut: what a sidecar names as durable is durable, after every call") {
  size_t states = 0;
  CHECK(first_violation(Fault::kNone, states) == "");
  CHECK(states > 150);
}

TEST_CASE("power cut: the replay finds what is out of order") {
  size_t states = 0;
  CHECK(first_violation(Fault::kNoSync, states).find("durable") != std::string::npos);
  CHECK(first_violation(Fault::kEmptiedFirst, states).find("durable") != std::string::npos);
  CHECK(first_violation(Fault::kCompletedFirst, states).find("durable") != std::string::npos);
}
