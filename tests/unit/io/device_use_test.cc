#include "io/device_use.h"

#include <linux/blkpg.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <sys/wait.h>

#include <catch2/catch.hpp>

#include "io/fd_io.h"
#include "support/child_process.h"
#include "support/loop_device.h"
#include "support/temporary_directory.h"

using namespace hx;
using namespace hx::test;

namespace {

std::string use_of(const std::string& path, UseFor use) {
  UniqueFd fd = open_fd(path, O_RDONLY).value();
  Result<std::optional<std::string>> user = who_uses(fd.get(), path, use);
  if (!user) return "error: " + user.error().message;
  return user->value_or("nobody");
}

// A shared lock, as QEMU takes them, from another process.
bool lock_byte(const std::string& path, off_t byte) {
  const int fd = ::open(path.c_str(), O_RDWR);
  struct flock lock = {};
  lock.l_type = F_RDLCK;
  lock.l_start = byte;
  lock.l_len = 1;
  return fd >= 0 && ::fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

// At `offset` of the file; false: there is no mkfs.
bool make_ext4(const std::string& file, uint64_t offset, uint64_t size) {
  const std::string command = "mkfs.ext4 -q -F -E offset=" + std::to_string(offset) + " '" + file + "' " +
                              std::to_string(size / kKiB) + "k >/dev/null 2>&1";
  return std::system(command.c_str()) == 0;
}

// Without a table on the disk, as not every kernel reads one.
bool add_partition(int device, int number, int64_t begin, int64_t length) {
  blkpg_partition partition{};
  partition.start = begin;
  partition.length = length;
  partition.pno = number;
  blkpg_ioctl_arg argument{BLKPG_ADD_PARTITION, 0, sizeof partition, &partition};
  return ::ioctl(device, BLKPG, &argument) == 0;
}

std::string run(const std::string& command) {
  std::string out;
  FILE* pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
  if (!pipe) return "";
  for (int c; (c = std::fgetc(pipe)) != EOF;) out += static_cast<char>(c);
  return ::pclose(pipe) == 0 ? out : "";
}

#define SKIP_UNLESS(condition, why) \
  if (!(condition)) {               \
    WARN("skipped: " why);          \
    return;                         \
  }

}  // namespace

TEST_CASE("a file that nobody uses is free") {
  TemporaryDirectory directory;
  write_file(directory / "f", std::string(kMiB, 'x'));
  CHECK(use_of(directory / "f", UseFor::kReading) == "nobody");
  CHECK(use_of(directory / "f", UseFor::kWriting) == "nobody");
}

TEST_CASE("what is neither file nor device is in nobody's use") {
  CHECK(use_of("/dev/null", UseFor::kWriting) == "nobody");
}

TEST_CASE("QEMU's lock for writing forbids both, any other lock of QEMU forbids writing") {
  TemporaryDirectory directory;
  write_file(directory / "f", std::string(kMiB, 'x'));
  const auto [byte, reading, writing] = GENERATE(table<off_t, std::string, std::string>({
      {101, "locked by QEMU for writing", "locked by QEMU for writing"},
      {100, "nobody", "locked by QEMU"},
      {103, "nobody", "locked by QEMU"},
      {201, "nobody", "locked by QEMU"},
      {99, "nobody", "nobody"},
      {300, "nobody", "nobody"},
  }));
  INFO(byte);
  ChildProcess child([&] { return lock_byte(directory / "f", byte); });
  REQUIRE(child.ready());
  CHECK(use_of(directory / "f", UseFor::kReading) == reading);
  CHECK(use_of(directory / "f", UseFor::kWriting) == writing);
  child.stop(SIGKILL);
  CHECK(use_of(directory / "f", UseFor::kWriting) == "nobody");
}

TEST_CASE("a real QEMU process that has the file open is seen") {
  TemporaryDirectory directory;
  write_file(directory / "f", std::string(kMiB, 'x'));
  SKIP_UNLESS(!run("qemu-io --version").empty(), "no qemu-io")
  const auto [flags, reading, writing] = GENERATE(table<std::string, std::string, std::string>({
      {"", "locked by QEMU for writing", "locked by QEMU for writing"},
      {"-r", "nobody", "locked by QEMU"},
  }));
  // It answers `length` when it has the file, and goes when its input ends.
  int in[2], out[2];
  REQUIRE((::pipe(in) == 0 && ::pipe(out) == 0));
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(in[0], 0);
    ::dup2(out[1], 1);
    for (int fd : {in[0], in[1], out[0], out[1]}) ::close(fd);
    const std::string file = directory / "f";
    if (flags.empty())
      ::execlp("qemu-io", "qemu-io", "-f", "raw", file.c_str(), nullptr);
    else
      ::execlp("qemu-io", "qemu-io", flags.c_str(), "-f", "raw", file.c_str(), nullptr);
    ::_exit(127);
  }
  ::close(in[0]);
  ::close(out[1]);
  REQUIRE(write_fd(in[1], "qemu-io", 0, as_bytes("length\n")));
  std::string answer;
  for (char c; answer.find("MiB\n") == std::string::npos && ::read(out[0], &c, 1) == 1;) answer += c;
  CHECK(use_of(directory / "f", UseFor::kReading) == reading);
  CHECK(use_of(directory / "f", UseFor::kWriting) == writing);
  ::close(in[1]);
  ::close(out[0]);
  ::waitpid(child, nullptr, 0);
  INFO(answer);
  CHECK(answer.find("MiB") != std::string::npos);
}

TEST_CASE("a mounted device is in use, and so is the file behind it") {
  TemporaryDirectory directory;
  const std::string disk = directory / "disk", point = directory / "mount \\point";
  write_file(disk, std::string(4 * kMiB, '\0'));
  std::filesystem::create_directory(point);
  SKIP_UNLESS(make_ext4(disk, 0, 4 * kMiB), "no mkfs.ext4")
  LoopDevice device(disk);
  SKIP_UNLESS(!device.path().empty(), "loop devices are not permitted")
  CHECK(use_of(device.path(), UseFor::kWriting) == "nobody");
  CHECK(use_of(disk, UseFor::kReading) == "nobody");
  CHECK(use_of(disk, UseFor::kWriting) == "attached to " + device.path());

  SKIP_UNLESS(enter_private_mounts(), "mounting is not permitted")
  SECTION("read-write") {
    Mount mount(device.path(), point, "ext4");
    SKIP_UNLESS(mount, "ext4 cannot be mounted")
    const std::string mounted = "mounted read-write on " + point;
    CHECK(use_of(device.path(), UseFor::kReading) == mounted);
    CHECK(use_of(device.path(), UseFor::kWriting) == mounted);
    CHECK(use_of(disk, UseFor::kReading) == mounted + " through " + device.path());
    CHECK(use_of(disk, UseFor::kWriting) == mounted + " through " + device.path());
  }
  SECTION("read-only: fine for reading") {
    Mount mount(device.path(), point, "ext4", MS_RDONLY);
    SKIP_UNLESS(mount, "ext4 cannot be mounted")
    CHECK(use_of(device.path(), UseFor::kReading) == "nobody");
    CHECK(use_of(device.path(), UseFor::kWriting) == "mounted read-only on " + point);
    CHECK(use_of(disk, UseFor::kReading) == "nobody");
  }
}

TEST_CASE("a disk whose partition is mounted is in use, its other partition is not") {
  TemporaryDirectory directory;
  const std::string disk = directory / "disk", point = directory / "point";
  write_file(disk, std::string(8 * kMiB, '\0'));
  std::filesystem::create_directory(point);
  SKIP_UNLESS(make_ext4(disk, kMiB, 4 * kMiB), "no mkfs.ext4")
  LoopDevice device(disk, Partitions::kScan);
  SKIP_UNLESS(!device.path().empty(), "loop devices are not permitted")
  const std::string name = device.path().substr(5);
  SKIP_UNLESS(add_partition(device.fd(), 1, kMiB, 4 * kMiB) && add_partition(device.fd(), 2, 5 * kMiB, 2 * kMiB) &&
                  std::filesystem::exists(device.path() + "p2"),
              "no partitions on loop devices")
  SKIP_UNLESS(enter_private_mounts(), "mounting is not permitted")
  Mount mount(device.path() + "p1", point, "ext4");
  SKIP_UNLESS(mount, "ext4 cannot be mounted")
  const std::string mounted = "mounted read-write on " + point;
  CHECK(use_of(device.path() + "p1", UseFor::kReading) == mounted);
  CHECK(use_of(device.path(), UseFor::kReading) == "its partition " + name + "p1 is " + mounted);
  CHECK(use_of(disk, UseFor::kReading) == "its partition " + name + "p1 is " + mounted + " through " + device.path());
  CHECK(use_of(device.path() + "p2", UseFor::kWriting) == "nobody");
}

TEST_CASE("what device mapper builds on a device is its user") {
  TemporaryDirectory directory;
  const std::string disk = directory / "disk", point = directory / "point";
  write_file(disk, std::string(4 * kMiB, '\0'));
  std::filesystem::create_directory(point);
  LoopDevice device(disk);
  SKIP_UNLESS(!device.path().empty(), "loop devices are not permitted")
  const std::string name = "hx-test-" + std::to_string(::getpid());
  const std::string create = "dmsetup create --noudevsync " + name + " --table '0 8192 linear " + device.path() + " 0'";
  SKIP_UNLESS(std::system((create + " >/dev/null 2>&1").c_str()) == 0, "no device mapper")
  struct Remove {
    std::string command;
    ~Remove() { (void)!std::system(command.c_str()); }
  } remove{"dmsetup remove --noudevsync " + name};
  CHECK(use_of(device.path(), UseFor::kReading) == "nobody");
  CHECK(use_of(device.path(), UseFor::kWriting) == "in use by /dev/mapper/" + name);
}

TEST_CASE("swap space is in use") {
  TemporaryDirectory directory;
  const std::string disk = directory / "disk";
  write_file(disk, std::string(kMiB, '\0'));
  LoopDevice device(disk);
  SKIP_UNLESS(!device.path().empty(), "loop devices are not permitted")
  SKIP_UNLESS(std::system(("mkswap -q " + device.path() + " >/dev/null 2>&1").c_str()) == 0, "no mkswap")
  SKIP_UNLESS(::swapon(device.path().c_str(), 0) == 0, "swapon is not permitted")
  const std::string reading = use_of(device.path(), UseFor::kReading), behind = use_of(disk, UseFor::kReading);
  REQUIRE(::swapoff(device.path().c_str()) == 0);
  CHECK(reading == "in use as swap space");
  CHECK(behind == "in use as swap space through " + device.path());
  CHECK(use_of(device.path(), UseFor::kWriting) == "nobody");
}

TEST_CASE("a descriptor that is none is an error") {
  CHECK(who_uses(-1, "x", UseFor::kReading).error().message == "x: stat: Bad file descriptor");
}
