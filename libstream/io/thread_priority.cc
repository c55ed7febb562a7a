#include "io/thread_priority.h"

#include <sys/resource.h>
#include <unistd.h>

#include <utility>

namespace hx {

void let_others_go_first() {
  thread_local bool done = false;
  if (std::exchange(done, true)) return;
  const auto thread = static_cast<id_t>(gettid());
  // Being nicer is always allowed; should it fail all the same, it is only slower.
  (void)setpriority(PRIO_PROCESS, thread, getpriority(PRIO_PROCESS, thread) + 3);
}

}  // namespace hx
