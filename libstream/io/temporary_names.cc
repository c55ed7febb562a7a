#include "io/temporary_names.h"

#include <unistd.h>

#include <mutex>
#include <set>

namespace hx {
namespace {

struct Names {
  std::mutex mutex;
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

void remove_temporaries() {
  std::lock_guard lock(names().mutex);
  for (const std::string& path : names().paths) unlink(path.c_str());
  for (const std::string& path : names().paths)
    rmdir(path.c_str());  // of those that are directories, if they are empty
  names().paths.clear();
}

}  // namespace hx
