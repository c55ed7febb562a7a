#pragma once
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/result.h"

namespace hx {

// Runs work(worker number) in `threads` threads and waits for all. The first error is the answer; on_error, called once,
// wakes those who wait for something.
inline Status run_workers(int threads, const std::function<Status(int)>& work, const std::function<void(const Error&)>& on_error = {}) {
  std::mutex mutex;
  std::optional<Error> first;
  std::vector<std::thread> group;
  for (int i = 0; i < threads; ++i)
    group.emplace_back([&, i] {
      Status status = work(i);
      if (status) return;
      std::lock_guard lock(mutex);
      if (first) return;
      first = std::move(status).error();
      if (on_error) on_error(*first);
    });
  for (auto& thread : group) thread.join();
  if (first) return std::move(*first);
  return {};
}

}  // namespace hx
