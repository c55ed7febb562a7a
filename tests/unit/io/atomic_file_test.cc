// atomic_file.h, temporary_names.h
#include "io/atomic_file.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <thread>

#include "io/fd_io.h"
#include "io/temporary_names.h"
#include "support/child_process.h"
#include "support/loop_device.h"
#include "support/temporary_directory.h"
#include "support/waiting_thread.h"

using namespace hx;
using namespace hx::test;

namespace {

AtomicFile created(const std::string& path, Overwrite overwrite, const std::string& content) {
  Result<AtomicFile> file = AtomicFile::open(path, overwrite);
  if (!file) FAIL(file.error().message);
  REQUIRE(write_fd(file->fd(), path, 0, as_bytes(content)));
  return std::move(file).value();
}

Error failure(Result<AtomicFile> file) {
  REQUIRE_FALSE(file);
  return std::move(file).error();
}

unsigned mode_of(const std::string& path) {
  struct stat st {};
  REQUIRE(::stat(path.c_str(), &st) == 0);
  return st.st_mode & 07777;
}

class WorkingDirectory {
 public:
  explicit WorkingDirectory(const std::string& path) { std::filesystem::current_path(path); }
  ~WorkingDirectory() { std::filesystem::current_path(before_); }

 private:
  const std::filesystem::path before_ = std::filesystem::current_path();
};

// Without /proc no unnamed file can get its name: what happens on file systems that have none. nullptr: not permitted.
std::unique_ptr<Mount> named_files_only() {
  if (!enter_private_mounts()) return nullptr;
  auto mount = std::make_unique<Mount>("none", "/proc", "tmpfs");
  return *mount ? std::move(mount) : nullptr;
}

#define SECTIONS_UNNAMED_AND_NAMED(named)         \
  std::unique_ptr<Mount> named;                   \
  SECTION("unnamed") {}                           \
  SECTION("named") {                              \
    named = named_files_only();                   \
    if (!named) {                                 \
      WARN("skipped: mounting is not permitted"); \
      return;                                     \
    }                                             \
  }

}  // namespace

TEST_CASE("a file appears complete at commit, and not before") {
  TemporaryDirectory directory;
  SECTIONS_UNNAMED_AND_NAMED(named)
  AtomicFile file = created(directory / "f", Overwrite::kRefuse, "content");
  CHECK_FALSE(std::filesystem::exists(directory / "f"));
  CHECK(directory.count() == (named ? 1 : 0));
  REQUIRE(file.commit());
  CHECK(read_file(directory / "f") == "content");
  CHECK(directory.count() == 1);
  CHECK_FALSE(file.commit());
}

TEST_CASE("without a commit there is nothing") {
  TemporaryDirectory directory;
  SECTIONS_UNNAMED_AND_NAMED(named) {
    AtomicFile file = created(directory / "f", Overwrite::kRefuse, "content");
    AtomicFile moved = std::move(file);
  }
  CHECK(directory.count() == 0);
}

TEST_CASE("an existing name is refused at once, and stays") {
  TemporaryDirectory directory;
  write_file(directory / "f", "old");
  SECTIONS_UNNAMED_AND_NAMED(named)
  const Error error = failure(AtomicFile::open(directory / "f", Overwrite::kRefuse));
  CHECK(error.kind == ErrorKind::kRefused);
  CHECK(error.message == (directory / "f") + ": already exists");
  CHECK(error.hint == "--force replaces it");
  CHECK(read_file(directory / "f") == "old");
  CHECK(directory.count() == 1);
}

TEST_CASE("a name that came into being meanwhile is refused at commit") {
  TemporaryDirectory directory;
  SECTIONS_UNNAMED_AND_NAMED(named) {
    AtomicFile file = created(directory / "f", Overwrite::kRefuse, "mine"),
               other = created(directory / "f", Overwrite::kRefuse, "other");
    REQUIRE(other.commit());
    Status status = file.commit();
    REQUIRE_FALSE(status);
    CHECK(status.error().kind == ErrorKind::kRefused);
  }
  CHECK(read_file(directory / "f") == "other");
  CHECK(directory.count() == 1);
}

TEST_CASE("of many who create one name at once, one succeeds") {
  TemporaryDirectory directory;
  std::atomic<int> succeeded = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      Result<AtomicFile> file = AtomicFile::open(directory / "f", Overwrite::kRefuse);
      if (file && file->commit().ok()) ++succeeded;
    });
  for (auto& thread : threads) thread.join();
  CHECK(succeeded == 1);
  CHECK(directory.count() == 1);
}

TEST_CASE("an existing file is replaced at commit, and keeps its permissions") {
  TemporaryDirectory directory;
  write_file(directory / "f", "old");
  std::filesystem::permissions(directory / "f", std::filesystem::perms(0600));
  SECTIONS_UNNAMED_AND_NAMED(named)
  AtomicFile file = created(directory / "f", Overwrite::kReplace, "new");
  CHECK(read_file(directory / "f") == "old");
  REQUIRE(file.commit());
  CHECK(read_file(directory / "f") == "new");
  CHECK(mode_of(directory / "f") == 0600);
  CHECK(directory.count() == 1);
}

TEST_CASE("replacing what is not there creates it") {
  TemporaryDirectory directory;
  SECTIONS_UNNAMED_AND_NAMED(named)
  REQUIRE(created(directory / "f", Overwrite::kReplace, "new").commit());
  CHECK(read_file(directory / "f") == "new");
}

TEST_CASE("a symbolic link is replaced, and what it points to stays") {
  TemporaryDirectory directory;
  write_file(directory / "target", "target");
  std::filesystem::create_symlink("target", directory / "link");
  std::filesystem::create_symlink("nowhere", directory / "dangling");
  for (const char* name : {"link", "dangling"}) {
    CHECK(failure(AtomicFile::open(directory / name, Overwrite::kRefuse)).kind == ErrorKind::kRefused);
    REQUIRE(created(directory / name, Overwrite::kReplace, "new").commit());
    CHECK(read_file(directory / name) == "new");
  }
  CHECK(read_file(directory / "target") == "target");
  CHECK_FALSE(std::filesystem::is_symlink(directory / "link"));
}

TEST_CASE("the umask and the mode are honoured") {
  TemporaryDirectory directory;
  const mode_t before = ::umask(027);
  SECTIONS_UNNAMED_AND_NAMED(named)
  REQUIRE(created(directory / "a", Overwrite::kRefuse, "").commit());
  Result<AtomicFile> secret = AtomicFile::open(directory / "b", Overwrite::kRefuse, 0600);
  REQUIRE(secret->commit());
  ::umask(before);
  CHECK(mode_of(directory / "a") == 0640);
  CHECK(mode_of(directory / "b") == 0600);
}

TEST_CASE("what is no regular file is not replaced") {
  TemporaryDirectory directory;
  REQUIRE(::mkfifo((directory / "fifo").c_str(), 0600) == 0);
  for (const std::string& path : {directory / "fifo", std::string("/dev/null")})
    CHECK(failure(AtomicFile::open(path, Overwrite::kReplace)).message == path + ": exists and is not a regular file");
  for (const std::string& path : {directory.path(), directory / "", std::string("."), std::string("..")}) {
    const Error error = failure(AtomicFile::open(path, Overwrite::kReplace));
    CHECK(error.kind == ErrorKind::kUsage);
    CHECK(error.message == path + ": is a directory");
  }
}

TEST_CASE("a directory that does not exist is named in the hint") {
  TemporaryDirectory directory;
  const Error error = failure(AtomicFile::open(directory / "none/f", Overwrite::kRefuse));
  CHECK(error.kind == ErrorKind::kUsage);
  CHECK(error.message == (directory / "none/f") + ": No such file or directory");
  CHECK(error.hint == "there is no directory '" + (directory / "none/") + "'");
}

TEST_CASE("the longest name that there is works, also beside a file that is replaced") {
  TemporaryDirectory directory;
  const std::string path = directory / std::string(255, 'n');
  SECTIONS_UNNAMED_AND_NAMED(named)
  REQUIRE(created(path, Overwrite::kRefuse, "1").commit());
  REQUIRE(created(path, Overwrite::kReplace, "2").commit());
  CHECK(read_file(path) == "2");
  CHECK(directory.count() == 1);
}

TEST_CASE("a path without a directory is one in the working directory") {
  TemporaryDirectory directory;
  SECTIONS_UNNAMED_AND_NAMED(named) {
    WorkingDirectory inside(directory.path());
    AtomicFile dropped = created("g", Overwrite::kRefuse, "dropped");
    REQUIRE(created("f", Overwrite::kRefuse, "content").commit());
  }
  CHECK(read_file(directory / "f") == "content");
  CHECK(directory.count() == 1);
}

TEST_CASE("a process that is killed leaves nothing") {
  TemporaryDirectory directory;
  std::optional<AtomicFile> file;
  ChildProcess child([&] {
    Result<AtomicFile> opened = AtomicFile::open(directory / "f", Overwrite::kReplace);
    if (!opened || !write_fd(opened->fd(), "f", 0, as_bytes("half"))) return false;
    file.emplace(std::move(opened).value());
    return true;
  });
  REQUIRE(child.ready());
  child.stop(SIGKILL);
  CHECK(directory.count() == 0);
}

TEST_CASE("a signal's thread removes temporary names, and only those") {
  TemporaryDirectory directory;
  auto named = named_files_only();
  if (!named) {
    WARN("skipped: mounting is not permitted");
    return;
  }
  AtomicFile kept = created(directory / "kept", Overwrite::kRefuse, "1");
  REQUIRE(kept.commit());
  AtomicFile half = created(directory / "half", Overwrite::kRefuse, "2");
  CHECK(directory.count() == 2);
  remove_temporaries().unlock();
  CHECK(directory.count() == 1);
  CHECK(read_file(directory / "kept") == "1");
  CHECK_FALSE(half.commit());
  CHECK(directory.count() == 1);
}

TEST_CASE("a directory that was made for a while goes, if it is empty, one that was there stays") {
  TemporaryDirectory directory;
  for (const char* name : {"there", "made", "filled"}) {
    if (name == std::string("there")) std::filesystem::create_directory(directory / name);
    CHECK(make_temporary_directory(directory / name) == (name == std::string("there") ? -1 : 0));
  }
  write_file(directory / "filled/file", "");
  remove_temporaries().unlock();
  CHECK(std::filesystem::exists(directory / "there"));
  CHECK_FALSE(std::filesystem::exists(directory / "made"));
  CHECK(std::filesystem::exists(directory / "filled"));
  remove_temporaries().unlock();
}

TEST_CASE("while a process ends nobody makes new temporary names") {
  TemporaryDirectory directory;
  auto no_more = remove_temporaries();
  {
    WaitingThread thread([&] { (void)make_temporary_directory(directory / "late"); });
    CHECK_FALSE(thread.done());
    CHECK(directory.count() == 0);
    no_more.unlock();
  }
  CHECK(directory.count() == 1);
  remove_temporaries().unlock();
}

TEST_CASE("a forgotten name is not removed") {
  TemporaryDirectory directory;
  for (const char* name : {"a", "b"}) {
    write_file(directory / name, "");
    register_temporary(directory / name);
  }
  forget_temporary(directory / "b");
  remove_temporaries().unlock();
  CHECK_FALSE(std::filesystem::exists(directory / "a"));
  CHECK(std::filesystem::exists(directory / "b"));
}
