#include "io/spool_file.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace hx {
namespace {

Result<UniqueFd> open_unnamed(const std::string& directory) {
  UniqueFd fd(open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (fd) return fd;
  if (errno != EOPNOTSUPP && errno != EISDIR) return system_error(errno, directory + ": open a spool file");
  std::string path = directory + "/hx-spool.XXXXXX";  // a file system without unnamed files
  fd.reset(mkostemp(path.data(), O_CLOEXEC));
  if (!fd) return system_error(errno, path + ": create");
  unlink(path.c_str());
  return fd;
}

}  // namespace

Result<UniqueFd> open_spool_file(const std::string& directory) {
  UniqueFd spool = HX_TRY(open_unnamed(directory));
  struct statfs fs;
  if (fstatfs(spool.get(), &fs) == 0 && (fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC))
    return refused(directory + ": lies in memory, which a snapshot would fill").with_hint("--spool DIR on a disk");
  return spool;
}

}  // namespace hx
