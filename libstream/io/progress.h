#pragma once
// What a running transfer counts, for whoever shows it (cli/progress_line). Written by the pump, read from any thread.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace hx {

struct DiskProgress {
  std::string name;
  uint64_t total = 0;                 // bytes of the virtual disk that will be covered; 0 = unknown
  std::atomic<uint64_t> covered = 0;  // virtual bytes done, holes included
  std::atomic<uint64_t> moved = 0;    // bytes of data really read or written
  std::atomic<bool> finished = false;
};

class Progress {
 public:
  // Lives as long as the Progress.
  DiskProgress& add_disk(std::string name, uint64_t total);
  // Calls f(const DiskProgress&) for each, in order of addition.
  template <class F>
  void for_each(F f) const {
    std::lock_guard lock(mutex_);
    for (const auto& disk : disks_) f(*disk);
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<DiskProgress>> disks_;
};

}  // namespace hx
