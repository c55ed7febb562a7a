#include "io/fd_io.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/time.h>

#include <catch2/catch.hpp>
#include <thread>

#include "support/temporary_directory.h"
#include "support/waiting_thread.h"

using namespace hx;
using namespace hx::test;

namespace {

struct Pipe {
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
    out.reset(ends[0]);
    in.reset(ends[1]);
  }
  UniqueFd out, in;
};

std::string numbered(size_t size) {
  std::string text(size, '\0');
  for (size_t i = 0; i < size; ++i) text[i] = static_cast<char>(i * 7 + i / 251);
  return text;
}

}  // namespace

TEST_CASE("a missing file is wrong usage, with a hint that fits") {
  TemporaryDirectory directory;
  Result<UniqueFd> fd = open_fd(directory / "typo", O_RDONLY);
  REQUIRE_FALSE(fd);
  CHECK(fd.error().kind == ErrorKind::kUsage);
  CHECK(fd.error().message == (directory / "typo") + ": No such file or directory");
  CHECK(fd.error().hint == "check the spelling of the name");
  fd = open_fd(directory / "none/typo", O_RDONLY);
  CHECK(fd.error().hint == "there is no directory '" + (directory / "none") + "'");
}

TEST_CASE("a directory is no file, to read or to write") {
  TemporaryDirectory directory;
  for (const int flags : {O_RDONLY, O_RDWR}) {
    Result<UniqueFd> fd = open_fd(directory.path(), flags);
    REQUIRE_FALSE(fd);
    CHECK(fd.error().kind == ErrorKind::kUsage);
    CHECK(fd.error().message == directory.path() + ": is a directory");
    CHECK_FALSE(fd.error().hint.empty());
  }
  CHECK(open_fd(directory.path(), O_RDONLY | O_DIRECTORY).ok());
}

TEST_CASE("an opened file is not inherited") {
  UniqueFd fd = open_fd("/dev/null", O_RDONLY).value();
  CHECK((fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
}

TEST_CASE("errors name object, offset and reason") {
  UniqueFd memory = open_fd("/proc/self/mem", O_RDONLY).value();  // nothing is mapped at 4096: EIO
  std::byte bytes[8];
  CHECK(pread_fd(memory.get(), "disk.img", 4096, bytes).error().message ==
        "disk.img: read at 4096: Input/output error");
  UniqueFd full = open_fd("/dev/full", O_WRONLY).value();
  const std::string expected = "vm.mirn: write at 4194304: No space left on device";
  CHECK(write_fd(full.get(), "vm.mirn", 4194304, bytes).error().message == expected);
  CHECK(pwrite_fd(full.get(), "vm.mirn", 4194304, bytes).error().message == expected);
  CHECK(pwrite_fd(full.get(), "vm.mirn", 4194304, bytes).error().kind == ErrorKind::kNoSpace);
  CHECK(read_fd(full.get(), "x", 7, bytes).error().message == "x: read at 7: Bad file descriptor");
}

TEST_CASE("a writer's offset in messages is where it is") {
  UniqueFd full = open_fd("/dev/full", O_WRONLY).value();
  Pipe pipe;
  FdWriter writer(pipe.in.get(), "out");
  REQUIRE(writer.write_all(as_bytes("12345")));
  CHECK(writer.written() == 5);
  ::dup2(full.get(), pipe.in.get());
  CHECK(writer.write_all(as_bytes("6")).error().message == "out: write at 5: No space left on device");
  CHECK(writer.write_two(as_bytes("6"), as_bytes("7")).error().message == "out: write at 5: No space left on device");
  CHECK(writer.written() == 5);
}

TEST_CASE("a reader that went away is damage") {
  ::signal(SIGPIPE, SIG_IGN);
  Pipe pipe;
  pipe.out.reset();
  Status status = write_fd(pipe.in.get(), "stdout", 3, as_bytes("x"));
  REQUIRE_FALSE(status);
  CHECK(status.error().kind == ErrorKind::kDamaged);
  CHECK(status.error().message == "stdout: write at 3: closed by its reader");
}

TEST_CASE("signals, full pipes and non-blocking descriptors lose nothing") {
  struct sigaction action {
  }, before{};
  action.sa_handler = [](int) {};  // without SA_RESTART: calls end with EINTR
  ::sigaction(SIGALRM, &action, &before);
  const itimerval often = {{0, 200}, {0, 200}}, never = {};
  ::setitimer(ITIMER_REAL, &often, nullptr);

  Pipe pipe;
  const int block = GENERATE(0, O_NONBLOCK);
  ::fcntl(pipe.in.get(), F_SETFL, block);
  ::fcntl(pipe.out.get(), F_SETFL, block);
  const std::string sent = numbered(3 * kMiB + 17);
  std::string got(sent.size() + 1, '\0');
  Status written;
  std::thread thread([&] {
    FdWriter writer(pipe.in.get(), "pipe");
    const ByteSpan bytes = as_bytes(sent);
    written = writer.write_two(bytes.first(100'000), bytes.subspan(100'000));
    pipe.in.reset();
  });
  FdReader reader(std::move(pipe.out), "pipe");
  const Result<size_t> count = reader.read_full(std::as_writable_bytes(std::span(got)));
  thread.join();
  ::setitimer(ITIMER_REAL, &never, nullptr);
  ::sigaction(SIGALRM, &before, nullptr);

  CHECK(written.ok());
  REQUIRE(count.ok());
  CHECK(count.value() == sent.size());
  got.resize(sent.size());
  CHECK((got == sent));
}

TEST_CASE("a pipe is given a file's pages, and from memory what the file lacks") {
  TemporaryDirectory directory;
  const std::string memory(40'000, 'm'), in_file = numbered(30'000);
  UniqueFd file = open_fd(directory / "f", O_RDWR | O_CREAT).value();
  REQUIRE(pwrite_fd(file.get(), "f", 0, as_bytes(in_file)));
  const auto sent = [&](int from, uint64_t offset, std::string_view second) {
    Pipe pipe;
    FdWriter writer(pipe.in.get(), "pipe");
    REQUIRE(writer.write_two(as_bytes("head"), as_bytes(second), {from, offset}));
    CHECK(writer.written() == 4 + second.size());
    pipe.in.reset();
    std::string got(100'000, '\0');
    got.resize(FdReader(pipe.out.get(), "pipe").read_full(std::as_writable_bytes(std::span(got))).value());
    return got;
  };
  CHECK((sent(file.get(), 5, memory) == "head" + in_file.substr(5) + memory.substr(30'000 - 5)));
  CHECK((sent(-1, 5, memory) == "head" + memory));
  CHECK((sent(file.get(), 5, "short") == "headshort"));
  Pipe cannot_be_spliced_from;
  CHECK((sent(cannot_be_spliced_from.in.get(), 0, memory) == "head" + memory));

  UniqueFd no_pipe = open_fd(directory / "g", O_RDWR | O_CREAT).value();
  REQUIRE(FdWriter(no_pipe.get(), "g").write_two(as_bytes("head"), as_bytes(memory), {file.get(), 0}));
  CHECK((read_file(directory / "g") == "head" + memory));
}

TEST_CASE("a read that waits, and any later one, ends when it is cancelled") {
  Pipe pipe;
  FdReader reader(pipe.out.get(), "stdin");
  std::byte bytes[8];
  Result<size_t> got = size_t{0};
  WaitingThread thread([&] { got = reader.read_some(bytes); });
  CHECK_FALSE(thread.done());
  reader.cancel();
  REQUIRE(write_fd(pipe.in.get(), "pipe", 0, as_bytes("late")));  // ends the read in any case, but with success
  thread.join();
  REQUIRE_FALSE(got.ok());
  CHECK(got.error().message == "stdin: the read was cancelled");
  reader.cancel();
  CHECK_FALSE(reader.read_some(bytes).ok());
}

TEST_CASE("two pieces are written as one, also when either is empty") {
  TemporaryDirectory directory;
  UniqueFd fd = open_fd(directory / "f", O_CREAT | O_RDWR).value();
  FdWriter writer(fd.get(), "f");
  CHECK(writer.write_two(as_bytes("ab"), as_bytes("cde")));
  CHECK(writer.write_two(as_bytes(""), as_bytes("f")));
  CHECK(writer.write_two(as_bytes("g"), as_bytes("")));
  CHECK(read_file(directory / "f") == "abcdefg");
  CHECK(writer.written() == 7);
}

TEST_CASE("a place is written and read without moving the position") {
  TemporaryDirectory directory;
  UniqueFd fd = open_fd(directory / "f", O_CREAT | O_RDWR).value();
  REQUIRE(pwrite_fd(fd.get(), "f", 4, as_bytes("tail")));
  std::byte bytes[8] = {};
  CHECK(pread_fd(fd.get(), "f", 2, bytes).value() == 6);
  CHECK(as_text(bytes).substr(0, 6) == std::string_view("\0\0tail", 6));
  CHECK(::lseek(fd.get(), 0, SEEK_CUR) == 0);
}

TEST_CASE("a pipe is made large, and never smaller") {
  Pipe pipe;
  enlarge_pipe(pipe.in.get());
  const int size = ::fcntl(pipe.in.get(), F_GETPIPE_SZ);
  if (size < 1 << 20) WARN("skipped: no pipe of 1 MiB is permitted");
  if (::fcntl(pipe.in.get(), F_SETPIPE_SZ, 2 << 20) == 2 << 20) {
    enlarge_pipe(pipe.in.get());
    CHECK(::fcntl(pipe.in.get(), F_GETPIPE_SZ) == 2 << 20);
  }
  UniqueFd null = open_fd("/dev/null", O_RDONLY).value();
  enlarge_pipe(null.get());
  CHECK(::fcntl(null.get(), F_GETFD) >= 0);
}

TEST_CASE("the size of what has none is not supported") {
  Pipe pipe;
  Result<uint64_t> size = size_of_fd(pipe.out.get(), "stdin");
  REQUIRE_FALSE(size);
  CHECK(size.error().kind == ErrorKind::kUnsupported);
  CHECK(size.error().message == "stdin: neither a file nor a block device");
}

TEST_CASE("a file's reader counts from its base and refuses to read past the end") {
  TemporaryDirectory directory;
  write_file(directory / "f", "0123456789");
  FileReader reader(open_fd(directory / "f", O_RDONLY).value(), "f", 4);
  CHECK(reader.size().value() == 6);
  std::byte bytes[3];
  REQUIRE(reader.read_at(3, bytes));
  CHECK(as_text(bytes) == "789");
  Status status = reader.read_at(4, bytes);
  REQUIRE_FALSE(status);
  CHECK(status.error().kind == ErrorKind::kDamaged);
  CHECK(status.error().message == "f: read at 10: the file ends here");
}

TEST_CASE("opening a FIFO as a file does not wait for its writer") {
  TemporaryDirectory directory;
  REQUIRE(::mkfifo((directory / "fifo").c_str(), 0600) == 0);
  Result<FileReader> reader = FileReader::open(directory / "fifo");
  REQUIRE_FALSE(reader);
  CHECK(reader.error().message == (directory / "fifo") + ": neither a file nor a block device");
}

TEST_CASE("a failing close is told") {
  UniqueFd fd = open_fd("/dev/null", O_RDONLY).value();
  ::close(fd.get());
  CHECK(close_checked(std::move(fd), "vm.mirn").error().message == "vm.mirn: close: Bad file descriptor");
}

TEST_CASE("memory reads like a file") {
  MemoryReader reader(as_bytes("abcdef"));
  std::byte bytes[4];
  CHECK(reader.read_full(bytes).value() == 4);
  CHECK(reader.read_full(bytes).value() == 2);
  CHECK(reader.read_some(bytes).value() == 0);
  CHECK(reader.read_at(2, bytes).ok());
  CHECK(as_text(bytes) == "cdef");
  CHECK_FALSE(reader.read_at(3, bytes));
  CHECK_FALSE(reader.read_at(UINT64_MAX, bytes));
  MemoryWriter writer;
  CHECK(writer.write_two(as_bytes("a"), as_bytes("b")));
  CHECK(writer.bytes() == "ab");
}
