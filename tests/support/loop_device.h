#pragma once
// Real block devices and mounts for tests, where the system lets us have them.

#include <fcntl.h>
#include <linux/loop.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>

#include <string>

#include "io/unique_fd.h"

namespace hx::test {

enum class Partitions { kIgnore, kScan };

// Detached when it goes; path() is empty where loop devices are not permitted.
class LoopDevice {
 public:
  explicit LoopDevice(const std::string& file, Partitions partitions = Partitions::kIgnore) {
    UniqueFd control(::open("/dev/loop-control", O_RDWR | O_CLOEXEC)),
        backing(::open(file.c_str(), O_RDWR | O_CLOEXEC));
    for (int attempt = 0; control && backing && attempt < 20; ++attempt) {  // another process may take the same number
      const int number = ::ioctl(control.get(), LOOP_CTL_GET_FREE);
      if (number < 0) return;
      const std::string name = "/dev/loop" + std::to_string(number);
      fd_.reset(::open(name.c_str(), O_RDWR | O_CLOEXEC));
      loop_config config{};
      config.fd = static_cast<uint32_t>(backing.get());
      config.info.lo_flags = LO_FLAGS_AUTOCLEAR | (partitions == Partitions::kScan ? LO_FLAGS_PARTSCAN : 0);
      if (fd_ && ::ioctl(fd_.get(), LOOP_CONFIGURE, &config) == 0) {
        path_ = name;
        return;
      }
    }
    fd_.reset();
  }
  const std::string& path() const { return path_; }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
  std::string path_;
};

// From here on this process mounts for itself only, and what it mounts goes with it.
inline bool enter_private_mounts() {
  return ::unshare(CLONE_NEWNS) == 0 && ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
}

// Unmounted when it goes.
class Mount {
 public:
  Mount(const std::string& source, const std::string& point, const char* type, unsigned long flags = 0)
      : point_(point), mounted_(::mount(source.c_str(), point.c_str(), type, flags, nullptr) == 0) {}
  ~Mount() {
    if (mounted_) ::umount2(point_.c_str(), MNT_DETACH);
  }
  Mount(const Mount&) = delete;
  explicit operator bool() const { return mounted_; }

 private:
  const std::string point_;
  const bool mounted_;
};

}  // namespace hx::test
