// checkpoint_store.h (files), lock_file.h, sidecar_file.h, begin.h
#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "base/json.h"
#include "checkpoint/begin.h"
#include "checkpoint/lock_file.h"
#include "checkpoint/sidecar_file.h"
#include "checkpoint/sidecar_text.h"
#include "sample_checkpoint.h"
#include "support/child_process.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {
std::unique_ptr<CheckpointStore> open_store(const std::string& path) {
  return open_file_store(path, system_clock()).value();
}
unsigned mode_of(const std::string& path) {
  struct stat st;
  return stat(path.c_str(), &st) == 0 ? st.st_mode & 0777 : 0;
}
bool exists(const std::string& path) { return access(path.c_str(), F_OK) == 0; }
}  // namespace

TEST_CASE("names of sidecars") {
  CHECK(sidecar_path("/backups", "web-server-01") == "/backups/.web-server-01.checkpoint");
  CHECK(sidecar_path("", "a/b") == ".a_b.checkpoint");
  CHECK(sidecar_of_output("x/vm.mirn.part") == "x/.vm.mirn.checkpoint");
  CHECK(sidecar_of_output("vm.mirn") == ".vm.mirn.checkpoint");
  CHECK(lock_path_of("/b/.a.checkpoint.zst") == "/b/.a.checkpoint.lock");
  CHECK(is_sidecar_leaf(".a.checkpoint"));
  CHECK(is_sidecar_leaf(".a.checkpoint.zst"));
  for (const char* leaf : {"a.checkpoint", ".checkpoint", ".a.checkpoint.bad", ".a.checkpoint.lock", ""})
    CHECK_FALSE(is_sidecar_leaf(leaf));
}

TEST_CASE("a store gives back what it was given, plain and compressed, for its owner only") {
  for (const char* leaf : {".a.checkpoint", ".a.checkpoint.zst"}) {
    TemporaryDirectory directory;
    const std::string path = directory / leaf;
    const std::string text = format_sidecar(sample_checkpoint());
    {
      const auto store = open_store(path);
      CHECK_FALSE(store->load().value());
      const std::string version = store->store(text, std::nullopt).value();
      CHECK(store->load().value()->version == version);
      CHECK(mode_of(path) == 0600);
      CHECK(mode_of(lock_path_of(path)) == 0600);
      const std::string second = store->store(text, version).value();
      CHECK(second != version);
      CHECK(store->load().value()->text == text);
    }
    CHECK(directory.count() == 1);  // no lock, no temporary
    CHECK(read_sidecar(path).value() == sample_checkpoint());
    CHECK((read_file(path)[0] == '{') == (std::string(leaf) == ".a.checkpoint"));
    const auto store = open_store(path);
    CHECK(store->remove(store->load().value()->version).ok());
    CHECK(directory.count() == 0);
  }
}

TEST_CASE("one that was readable to all is not any more") {
  TemporaryDirectory directory;
  write_file(directory / ".a.checkpoint", "{}");
  ::chmod((directory / ".a.checkpoint").c_str(), 0644);
  const auto store = open_store(directory / ".a.checkpoint");
  const auto stored = store->load().value();
  CHECK(store->store("{}", stored->version).ok());
  CHECK(mode_of(directory / ".a.checkpoint") == 0600);
}

TEST_CASE("a write that does not know what it replaces is refused") {
  TemporaryDirectory directory;
  const std::string path = directory / ".a.checkpoint";
  const auto store = open_store(path);
  const std::string version = store->store("1", std::nullopt).value();
  CHECK(store->store("2", std::nullopt).error().reason == "checkpoint-changed");
  write_file(directory / "other", "somebody else's");
  ::rename((directory / "other").c_str(), path.c_str());
  Result<std::string> stored = store->store("3", version);
  CHECK(stored.error().kind == ErrorKind::kRefused);
  CHECK(read_file(path) == "somebody else's");
}

TEST_CASE("the other variant is loaded, and replaced") {
  TemporaryDirectory directory;
  const std::string plain = directory / ".a.checkpoint", packed = directory / ".a.checkpoint.zst";
  (void)open_store(packed)->store("text", std::nullopt).value();
  const auto store = open_store(plain);
  const auto loaded = store->load().value();
  REQUIRE(loaded);
  CHECK(loaded->text == "text");
  CHECK(store->store("new", loaded->version).ok());
  CHECK_FALSE(exists(packed));
  CHECK(read_file(plain) == "new");
}

TEST_CASE("compressed text that is damaged, and a bomb, are refused") {
  TemporaryDirectory directory;
  const std::string bytes = encode_sidecar(std::string(20 * kMiB, ' '), "x.zst").value();
  CHECK(bytes.size() < 10'000);
  CHECK(decode_sidecar(bytes).error().kind == ErrorKind::kDamaged);
  const std::string good = encode_sidecar(format_sidecar(sample_checkpoint()), "x.zst").value();
  for (size_t cut = 4; cut < good.size(); ++cut) REQUIRE_FALSE(decode_sidecar(good.substr(0, cut)).ok());
  for (size_t at = 0; at < good.size(); ++at) {
    std::string flipped = good;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    const Result<std::string> text = decode_sidecar(flipped);
    if (text.ok() && parse_sidecar(text.value()).ok())
      REQUIRE(parse_sidecar(text.value()).value() == sample_checkpoint());
  }
}

TEST_CASE("a second run stops at once and names the first, a dead one's lock blocks nobody") {
  TemporaryDirectory directory;
  const std::string path = directory / ".a.checkpoint";
  ChildProcess first([&] {
    static const auto store = open_file_store(path, system_clock());  // for as long as the process lives
    return store.ok();
  });
  REQUIRE(first.ready());
  Result<std::unique_ptr<CheckpointStore>> second = open_file_store(path, system_clock());
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().kind == ErrorKind::kRefused);
  CHECK(second.error().reason == "locked");
  CHECK(second.error().message.find("process ") != std::string::npos);
  CHECK(second.error().message.find(" on ") != std::string::npos);
  const Json holder = Json::parse(read_file(lock_path_of(path)));
  CHECK(second.error().message.find("process " + std::to_string(holder["pid"].get<int>())) != std::string::npos);
  CHECK_FALSE(open_file_store(compressed_name(path), system_clock()).ok());  // the other variant is the same checkpoint
  first.stop(SIGKILL);
  CHECK(exists(lock_path_of(path)));
  const LockFile lock = LockFile::take(lock_path_of(path), system_clock()).value();
  CHECK(lock.left_by().find("process " + std::to_string(holder["pid"].get<int>())) != std::string::npos);
  CHECK_FALSE(LockFile::take(lock_path_of(path), system_clock()).ok());  // not even this process
}

TEST_CASE("a lock is not taken through a link, and garbage in it does not matter") {
  TemporaryDirectory directory;
  write_file(directory / "precious", "content");
  ::symlink("precious", (directory / "lock").c_str());
  CHECK_FALSE(LockFile::take(directory / "lock", system_clock()).ok());
  CHECK(read_file(directory / "precious") == "content");
  write_file(directory / "old", "[[[");
  const LockFile lock = LockFile::take(directory / "old", system_clock()).value();
  CHECK(lock.left_by().empty());
}

TEST_CASE("an export begins with what is there, or anew with a warning and the old one beside") {
  const Checkpoint wanted = [] {
    Checkpoint checkpoint = sample_checkpoint();
    checkpoint.files.clear();
    return checkpoint;
  }();
  struct Case {
    const char* what;
    std::function<std::string()> text;
    const char* warning;  // nullptr: none, it is resumed
  };
  const auto changed = [](auto change) {
    return [change] {
      Checkpoint checkpoint = sample_checkpoint();
      change(checkpoint);
      return format_sidecar(checkpoint);
    };
  };
  const std::vector<Case> cases = {
      {"the same", changed([](Checkpoint&) {}), nullptr},
      {"a slash more", changed([](Checkpoint& c) { c.output_path += "/"; }), nullptr},
      {"garbage", [] { return std::string("{"); }, "malformed JSON"},
      {"newer", [] { return "{\"version\":\"1.1\",\"files\":[]}"; }, "'1.1'"},
      {"foreign", [] { return "{\"a\":1}"; }, "is no checkpoint"},
      {"other VM", changed([](Checkpoint& c) { c.vm_name = "x"; }), "\"vm_name\" differs"},
      {"other provider", changed([](Checkpoint& c) { c.provider = "x"; }), "\"provider\" differs"},
      {"other format", changed([](Checkpoint& c) { c.export_format = "x"; }), "\"export_format\" differs"},
      {"other path", changed([](Checkpoint& c) { c.output_path = "/x"; }), "\"output_path\" differs"},
  };
  for (const Case& one : cases) {
    INFO(one.what);
    TemporaryDirectory directory;
    const std::string path = directory / ".a.checkpoint";
    for (int round = 1; round <= 2; ++round) {  // the second old one does not replace the first
      write_file(path, one.text());
      std::vector<std::string> warnings;
      const auto store = open_store(path);
      const Beginning beginning = begin_checkpoint(*store, wanted, Restart::kNo, [&](const std::string& line) {
                                    warnings.push_back(line);
                                  }).value();
      CHECK(beginning.resumed == !one.warning);
      CHECK(beginning.version.has_value() == !one.warning);
      if (!one.warning) {
        CHECK(beginning.checkpoint.files.size() == 5);
        continue;
      }
      CHECK(beginning.checkpoint == wanted);
      REQUIRE(warnings.size() == 1);
      CHECK(warnings[0].find(one.warning) != std::string::npos);
      CHECK(warnings[0].find(path) != std::string::npos);
      CHECK(read_file(path + (round == 1 ? ".bad" : ".bad2")) == one.text());
      CHECK_FALSE(exists(path));
    }
  }
}

TEST_CASE("one that may not be read is kept beside, and --restart asks nothing") {
  TemporaryDirectory directory;
  const std::string path = directory / ".a.checkpoint";
  ::mkdir(path.c_str(), 0700);  // root can read any file; nobody a directory
  const auto store = open_store(path);
  int warnings = 0;
  const auto warn = [&](const std::string&) { ++warnings; };
  CHECK_FALSE(begin_checkpoint(*store, sample_checkpoint(), Restart::kNo, warn).value().resumed);
  CHECK(warnings == 1);
  CHECK(exists(path + ".bad"));
  const std::string version = store->store(format_sidecar(sample_checkpoint()), std::nullopt).value();
  const Beginning anew = begin_checkpoint(*store, Checkpoint(), Restart::kYes, warn).value();
  CHECK_FALSE(anew.resumed);
  CHECK(anew.version == version);
  CHECK(warnings == 1);
}
