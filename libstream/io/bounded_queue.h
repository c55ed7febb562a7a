#pragma once
// A queue between threads that bounds what is in it and ends with the first error.

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "base/result.h"

namespace hx {

// Any number of threads on both sides. After close() pop() drains what is left, then gives nullopt. After fail() both
// sides get the error at once.
template <class T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  Status push(T item) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return error_ || items_.size() < capacity_; });
    if (error_) return Error(*error_);
    items_.push_back(std::move(item));
    changed_.notify_all();
    return {};
  }
  Result<std::optional<T>> pop() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return error_ || !items_.empty() || closed_; });
    if (error_) return Error(*error_);
    if (items_.empty()) return std::optional<T>();
    std::optional<T> item(std::move(items_.front()));
    items_.pop_front();
    changed_.notify_all();
    return item;
  }
  void close() {
    std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
  }
  void fail(Error error) {
    std::lock_guard lock(mutex_);
    if (!error_) error_ = std::move(error);
    items_.clear();
    changed_.notify_all();
  }

 private:
  const size_t capacity_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<T> items_;
  bool closed_ = false;
  std::optional<Error> error_;
};

}  // namespace hx
