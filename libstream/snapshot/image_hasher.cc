#include "snapshot/image_hasher.h"

#include "base/endian.h"
#include "snapshot/chunk_plan.h"

namespace hx {

namespace {

constexpr uint64_t kStateEvery = 16 * kMiB;

// In steps, so that a stop is noticed inside terabytes of holes.
void update_zeros(Sha256& hasher, uint64_t length, const std::atomic<bool>& stop) {
  while (length > 0 && !stop) {
    const uint64_t step = std::min(length, 64 * kMiB);
    hasher.update_zeros(step);
    length -= step;
  }
}

}  // namespace

StreamHasher::StreamHasher(const Sha256State& from, ResumableSha256 hasher)
    : hasher_(std::move(hasher)), states_{from}, thread_([this] { run(); }) {}

StreamHasher::~StreamHasher() {
  stop_ = true;
  queue_.fail(bug("the hasher was not finished"));
  if (thread_.joinable()) thread_.join();
}

void StreamHasher::run() {
  for (;;) {
    auto item = queue_.pop();
    if (!item || !*item) return;
    update_zeros((*item)->zeros);
    hasher_.update(std::as_const((*item)->data).bytes());
    remember();
  }
}

void StreamHasher::update_zeros(uint64_t length) {
  while (length > 0 && !stop_) {
    const uint64_t step = std::min(length, kStateEvery);
    hasher_.update_zeros(step);
    length -= step;
    remember();
  }
}

void StreamHasher::remember() {
  // Only chunks end here, but for the disk's end.
  if (hasher_.length() % 64 != 0) return;
  std::lock_guard lock(mutex_);
  if (states_.empty() || hasher_.length() >= states_.back().length + kStateEvery) states_.push_back(hasher_.state());
}

std::optional<Sha256State> StreamHasher::state_before(uint64_t length) {
  std::lock_guard lock(mutex_);
  while (states_.size() > 1 && states_[1].length <= length) states_.pop_front();
  if (states_.front().length == 0 || states_.front().length > length) return std::nullopt;
  return states_.front();
}

Status StreamHasher::put_zeros(uint64_t length) { return queue_.push({length, {}}); }
Status StreamHasher::put_data(Buffer data) { return queue_.push({0, std::move(data)}); }

Digest StreamHasher::finish() {
  queue_.close();
  thread_.join();
  return hasher_.digest();
}

void CheckFold::add(uint32_t check) { state_.update(struct_bytes(Le32(check))); }

void Pace::advance(Pass pass, uint64_t bytes) {
  std::unique_lock lock(mutex_);
  uint64_t& own = done_[static_cast<int>(pass)];
  const uint64_t& other = done_[1 - static_cast<int>(pass)];
  changed_.wait(lock, [&] { return own == ~uint64_t{0} || own <= other || own - other < lead_; });
  if (own != ~uint64_t{0}) own += bytes;
  changed_.notify_all();
}

void Pace::finish(Pass pass) {
  std::lock_guard lock(mutex_);
  done_[static_cast<int>(pass)] = ~uint64_t{0};
  changed_.notify_all();
}

DiskHasher::DiskHasher(const DiskReader& disk, const ExtentList& map, uint32_t chunk_size, Pace& pace)
    : thread_([this, &disk, &map, chunk_size, &pace] {
        answer_ = run(disk, map, chunk_size, pace);
        pace.finish(Pace::Pass::kHashing);
      }) {}

DiskHasher::~DiskHasher() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
}

Result<DiskHasher::Answer> DiskHasher::run(const DiskReader& disk, const ExtentList& map, uint32_t chunk_size,
                                           Pace& pace) {
  Sha256 hasher;
  CheckFold fold;
  std::vector<std::byte> buffer(chunk_size);
  ChunkPlan plan(map, disk.info().size, chunk_size);
  while (const auto chunk = plan.next()) {
    if (stop_) return bug("stopped");
    if (chunk->kind == Kind::kZero) {
      update_zeros(hasher, chunk->length, stop_);
      continue;
    }
    pace.advance(Pace::Pass::kHashing, chunk->length);
    const MutableByteSpan content = MutableByteSpan(buffer).first(chunk->length);
    HX_TRY(disk.read_at(chunk->offset, content));
    hasher.update(content);
    fold.add(static_cast<uint32_t>(xxh64(content)));
  }
  return Answer{hasher.finish(), fold.value()};
}

Result<DiskHasher::Answer> DiskHasher::finish() {
  thread_.join();
  return std::move(*answer_);
}

}  // namespace hx
