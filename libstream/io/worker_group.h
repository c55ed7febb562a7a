#pragma once
#include <functional>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "base/result.h"

namespace hx {

// Runs work(worker number) in `threads` threads and waits for all. The first error is the answer; on_error, called once
// with it, wakes those who wait for something.
inline Status run_workers(int threads, const std::function<Status(int)>& work,
                          const std::function<void(const Error&)>& on_error = {}) {
  std::mutex mutex;
  std::optional<Error> first;
  const auto failed = [&](Error error) {
    std::lock_guard lock(mutex);
    if (first) return;
    first = std::move(error);
    if (on_error) on_error(*first);
  };
  std::vector<std::thread> group;
  try {
    for (int i = 0; i < threads; ++i)
      group.emplace_back([&, i] {
        if (Status status = work(i); !status) failed(std::move(status).error());
      });
  } catch (const std::system_error& error) {  // each has its share of the work: fewer are not enough
    failed(system_error(error.code().value(), "start a thread"));
  }
  for (auto& thread : group) thread.join();
  if (first) return std::move(*first);
  return {};
}

}  // namespace hx
