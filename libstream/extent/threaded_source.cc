#include "extent/threaded_source.h"

#include <thread>
#include <variant>

#include "io/bounded_queue.h"

namespace hx {
namespace {

class ThreadedSource : public ExtentSource {
 public:
  ThreadedSource(std::unique_ptr<ExtentSource> source, ByteReader& reads_from, size_t depth)
      : source_(std::move(source)), reads_from_(reads_from), queue_(depth) {}
  ~ThreadedSource() override {
    queue_.fail(bug("the source was given up"));
    reads_from_.cancel();
    if (thread_.joinable()) thread_.join();
  }

  Result<std::optional<DiskInfo>> next_disk() override {
    if (!thread_.joinable()) thread_ = std::thread([this] { read(); });
    auto item = HX_TRY(take());
    if (!item) return std::optional<DiskInfo>();
    return std::optional(std::move(std::get<DiskInfo>(*item)));
  }

  Result<std::optional<Extent>> next() override {
    auto item = HX_TRY(take());
    if (item && std::holds_alternative<Extent>(*item)) return std::optional(std::move(std::get<Extent>(*item)));
    if (!item) return bug("next() outside of a disk");
    totals_ = std::get<DiskTotals>(*item);
    return std::optional<Extent>();
  }

  DiskTotals totals() const override { return totals_; }

 private:
  using Item = std::variant<DiskInfo, Extent, DiskTotals, Error>;

  Result<std::optional<Item>> take() {
    if (error_) return Error(*error_);
    auto item = HX_TRY(queue_.pop());
    if (item && std::holds_alternative<Error>(*item)) {
      error_ = std::move(std::get<Error>(*item));
      return Error(*error_);
    }
    return item;
  }

  void read() {
    Status status = read_all();
    // An error waits for its turn: what was good before it counts for who goes on later. The push fails only where
    // nobody takes any more.
    if (!status) (void)queue_.push(std::move(status).error()).ok();
    queue_.close();
  }
  Status read_all() {
    while (std::optional<DiskInfo> info = HX_TRY(source_->next_disk())) {
      HX_TRY(queue_.push(std::move(*info)));
      while (std::optional<Extent> extent = HX_TRY(source_->next())) HX_TRY(queue_.push(std::move(*extent)));
      HX_TRY(queue_.push(source_->totals()));
    }
    return {};
  }

  const std::unique_ptr<ExtentSource> source_;
  ByteReader& reads_from_;
  BoundedQueue<Item> queue_;
  DiskTotals totals_;
  std::optional<Error> error_;  // the one that came out
  std::thread thread_;
};

}  // namespace

std::unique_ptr<ExtentSource> in_own_thread(std::unique_ptr<ExtentSource> source, ByteReader& reads_from,
                                            size_t depth) {
  return std::make_unique<ThreadedSource>(std::move(source), reads_from, depth);
}

}  // namespace hx
