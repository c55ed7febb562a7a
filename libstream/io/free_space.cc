#include "io/free_space.h"

#include <sys/statvfs.h>

#include <cerrno>

namespace hx {

Result<uint64_t> free_space(int fd, const std::string& name) {
  struct statvfs st;
  if (fstatvfs(fd, &st) < 0) return system_error(errno, name + ": free space");
  return uint64_t{st.f_bavail} * st.f_frsize;
}

}  // namespace hx
