#pragma once
// Jobs go in in order, are worked on by several threads, and come out in order.

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "base/result.h"

namespace hx {

// One thread submits, one takes (they may be the same one, as long as it keeps fewer than `window` jobs outstanding:
// has_room()). At most `window` jobs are inside, finished ones included: that bounds the memory. The first error of any
// worker, or of fail(), ends everything: submit() and next() return it, in whichever thread, and what is inside is
// dropped, so that the memory it holds comes back to those who wait for some. So does the destructor.
// The work function is called from several threads at once; its second argument is the worker's number, for state of
// its own (a compressor).
template <class Job, class Out>
class OrderedWorkers {
 public:
  using Work = std::function<Result<Out>(Job&&, int worker)>;

  OrderedWorkers(int threads, size_t window, Work work) : window_(std::max<size_t>(window, 1)), work_(std::move(work)) {
    try {
      for (int i = 0; i < std::max(threads, 1); ++i) threads_.emplace_back([this, i] { run(i); });
    } catch (const std::system_error& error) {  // no more threads: fewer will do, none will not
      if (threads_.empty()) error_ = system_error(error.code().value(), "start a thread");
    }
  }
  ~OrderedWorkers() {
    {
      std::lock_guard lock(mutex_);
      stopping_ = true;
      slots_.clear();
    }
    work_ready_.notify_all();
    for (auto& thread : threads_) thread.join();
  }
  OrderedWorkers(const OrderedWorkers&) = delete;

  bool has_room() const {
    std::lock_guard lock(mutex_);
    return slots_.size() < window_;
  }

  // Waits while the window is full.
  Status submit(Job job) {
    std::unique_lock lock(mutex_);
    room_ready_.wait(lock, [&] { return error_ || slots_.size() < window_; });
    if (error_) return Error(*error_);
    slots_.push_back(Slot{std::move(job), {}, false});
    work_ready_.notify_one();
    return {};
  }

  // No more jobs will come: next() ends with nullopt.
  void close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    result_ready_.notify_all();
  }

  // Ends everything with this error (unless another came first).
  void fail(Error error) {
    std::lock_guard lock(mutex_);
    set_error(std::move(error));
  }

  // The next result in order; waits for it. nullopt: closed and all taken.
  Result<std::optional<Out>> next() {
    std::unique_lock lock(mutex_);
    result_ready_.wait(
        lock, [&] { return error_ || (!slots_.empty() && slots_.front().done) || (closed_ && slots_.empty()); });
    if (error_) return Error(*error_);
    if (slots_.empty()) return std::optional<Out>();
    Result<std::optional<Out>> out(std::move(slots_.front().out));
    slots_.pop_front();
    ++first_;
    room_ready_.notify_one();
    return out;
  }

 private:
  struct Slot {
    std::optional<Job> job;
    std::optional<Out> out;
    bool done;
  };

  void run(int worker) {
    std::unique_lock lock(mutex_);
    for (;;) {
      work_ready_.wait(lock, [&] { return stopping_ || error_ || next_ < first_ + slots_.size(); });
      if (stopping_ || error_) return;
      const size_t index = next_++;
      std::optional<Job> job = std::exchange(slots_[index - first_].job, std::nullopt);
      lock.unlock();
      Result<Out> out = work_(std::move(*job), worker);
      job.reset();  // what the work left of it goes while nobody waits for the lock
      lock.lock();
      if (stopping_ || error_) return;  // the slot is gone
      if (!out) return set_error(std::move(out).error());
      Slot& slot = slots_[index - first_];
      slot.out = std::move(out).value();
      slot.done = true;
      if (index == first_) result_ready_.notify_one();
    }
  }

  void set_error(Error error) {
    if (error_) return;
    error_ = std::move(error);
    slots_.clear();
    work_ready_.notify_all();
    room_ready_.notify_all();
    result_ready_.notify_all();
  }

  const size_t window_;
  const Work work_;
  mutable std::mutex mutex_;
  std::condition_variable work_ready_, room_ready_, result_ready_;
  std::deque<Slot> slots_;  // jobs [first_, first_ + size): a slot leaves when its result is taken
  size_t first_ = 0;        // number of the job in slots_.front()
  size_t next_ = 0;         // number of the next job to be worked on
  bool closed_ = false, stopping_ = false;
  std::optional<Error> error_;
  std::vector<std::thread> threads_;
};

}  // namespace hx
