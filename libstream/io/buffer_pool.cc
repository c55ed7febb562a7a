#include "io/buffer_pool.h"

#include <sys/mman.h>

#include <algorithm>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <new>

#include "base/checked_math.h"

namespace hx {
namespace {

constexpr size_t kPage = 4096, kHugePage = 2 * kMiB;

// Big blocks begin on a huge page and ask for such: fewer faults, and the copies through the kernel are faster. Small
// ones do not: the rest of a huge page would be memory that nobody counted.
void* allocate(size_t size) {
  const size_t alignment = size >= kHugePage ? kHugePage : kPage;
  void* memory = std::aligned_alloc(alignment, divide_round_up(std::max<size_t>(size, 1), alignment) * alignment);
  if (!memory) throw std::bad_alloc();
  if (size >= kHugePage) (void)madvise(memory, align_down(size, kHugePage), MADV_HUGEPAGE);  // only advice
  return memory;
}

}  // namespace

Buffer Buffer::copy_of(ByteSpan bytes) {
  std::shared_ptr<void> block(allocate(bytes.size()), std::free);
  auto* start = static_cast<std::byte*>(block.get());
  if (!bytes.empty()) std::memcpy(start, bytes.data(), bytes.size());
  return Buffer(std::move(block), MutableByteSpan(start, bytes.size()));
}

// Shared with the deleters of blocks that are out: the pool may go before its buffers.
struct BufferPool::State {
  State(size_t size, size_t most) : block_size(size), count(most) {}
  ~State() {
    for (void* block : free_blocks) std::free(block);
  }
  void give_back(void* block) {
    {
      std::lock_guard lock(mutex);
      --out;
      if (free_blocks.size() < count) {
        free_blocks.push_back(block);  // the last one back is the first one out: it may still be in a cache
        block = nullptr;
      }
    }
    std::free(block);
    returned.notify_one();
  }

  const size_t block_size, count;
  std::mutex mutex;
  std::condition_variable returned;
  std::vector<void*> free_blocks;
  size_t out = 0;
  bool closed = false;
};

BufferPool::BufferPool(size_t block_size, size_t count)
    : state_(std::make_shared<State>(block_size, std::max<size_t>(count, 1))) {}

size_t BufferPool::block_size() const { return state_->block_size; }
size_t BufferPool::count() const { return state_->count; }

Buffer BufferPool::acquire(size_t length) {
  assert(length <= state_->block_size);
  void* memory = nullptr;
  {
    std::unique_lock lock(state_->mutex);
    state_->returned.wait(lock, [&] { return state_->closed || state_->out < state_->count; });
    ++state_->out;
    if (!state_->free_blocks.empty()) {
      memory = state_->free_blocks.back();
      state_->free_blocks.pop_back();
    }
  }
  if (!memory) memory = allocate(state_->block_size);
  std::shared_ptr<void> block(memory, [state = state_](void* m) { state->give_back(m); });
  return Buffer(std::move(block),
                MutableByteSpan(static_cast<std::byte*>(memory), std::min(length, state_->block_size)));
}

void BufferPool::close() {
  std::lock_guard lock(state_->mutex);
  state_->closed = true;
  state_->returned.notify_all();
}

}  // namespace hx
