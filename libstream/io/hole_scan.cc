#include "io/hole_scan.h"

#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace hx {

Result<std::optional<DataRange>> next_data(int fd, const std::string& name, uint64_t from, uint64_t size) {
  if (from >= size) return std::optional<DataRange>();
  const off_t data = lseek(fd, static_cast<off_t>(from), SEEK_DATA);
  if (data < 0) {
    if (errno == ENXIO) return std::optional<DataRange>();  // only a hole remains, or the file is now shorter
    if (errno == EINVAL || errno == EOPNOTSUPP || errno == ENOTSUP) return std::optional(DataRange{from, size});
    return system_error(errno, name + ": seek to data at " + std::to_string(from));
  }
  const uint64_t begin = static_cast<uint64_t>(data);
  if (begin >= size) return std::optional<DataRange>();
  const off_t hole = lseek(fd, data, SEEK_HOLE);
  if (hole < 0 && errno != ENXIO) return system_error(errno, name + ": seek to a hole at " + std::to_string(begin));
  const uint64_t end = hole < 0 ? size : std::min(static_cast<uint64_t>(hole), size);
  // A file that is written to while we look can answer anything: always go forward.
  return std::optional(DataRange{begin, std::max(end, std::min(begin + 1, size))});
}

}  // namespace hx
