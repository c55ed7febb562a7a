#include "io/temporary_names.h"

#include <sys/stat.h>
#include <unistd.h>

#include <set>

namespace hx {
namespace {

struct Names {
  std::recursive_mutex mutex;  // so that a thread that dies while it registers can still remove
  std::set<std::string> paths;
};
Names& names() {
  static Names* const all = new Names;  // never destroyed: a signal may come during exit
  return *all;
}

}  // namespace

void register_temporary(const std::string& path) {
  std::lock_guard lock(names().mutex);
  names().paths.insert(path);
}

void forget_temporary(const std::string& path) {
  std::lock_guard lock(names().mutex);
  names().paths.erase(path);
}

int make_temporary_directory(const std::string& path) {
  std::lock_guard lock(names().mutex);
  if (mkdir(path.c_str(), 0777) != 0) return -1;
  names().paths.insert(path);
  return 0;
}

std::unique_lock<std::recursive_mutex> remove_temporaries() {
  std::unique_lock lock(names().mutex);
  for (const std::string& path : names().paths) unlink(path.c_str());
  for (const std::string& path : names().paths)
    rmdir(path.c_str());  // of those that are directories, if they are empty
  names().paths.clear();
  return lock;
}

}  // namespace hx
