#pragma once
// The serial SHA-256 of a whole image, in a thread of its own that waits for nobody: the longest single piece of work
// of a pack (about 9 minutes a TiB, holes included).

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "extent/disk_reader.h"
#include "hash/sha256.h"
#include "hash/sha256_state.h"
#include "hash/xxh3.h"
#include "io/bounded_queue.h"

namespace hx {

// Fed with what passes by. put() from one thread.
class StreamHasher {
 public:
  StreamHasher() : StreamHasher(Sha256State(), ResumableSha256()) {}
  // Goes on from there.
  explicit StreamHasher(const Sha256State& from) : StreamHasher(from, ResumableSha256(from)) {}
  ~StreamHasher();
  Status put_zeros(uint64_t length);
  Status put_data(Buffer);  // a shared handle: nobody writes to it any more
  Digest finish();          // waits
  // A state that it has had, of at most so many bytes and not long before them: the image up to there is hashed. Any
  // thread; what is given never shrinks.
  std::optional<Sha256State> state_before(uint64_t length);

 private:
  struct Item {
    uint64_t zeros;
    Buffer data;
  };
  StreamHasher(const Sha256State& from, ResumableSha256);
  void run();
  void update_zeros(uint64_t length);
  void remember();

  std::atomic<bool> stop_ = false;
  BoundedQueue<Item> queue_{1024};
  ResumableSha256 hasher_;
  std::mutex mutex_;                // of states_
  std::deque<Sha256State> states_;  // one each so many bytes, ascending: 3 MiB for 1 TiB
  std::thread thread_;
};

// Folds the checks of chunks in disk order; two passes that saw the same bytes have the same fold.
class CheckFold {
 public:
  void add(uint32_t check);
  uint64_t value() const { return state_.digest(); }

 private:
  Xxh3 state_;
};

// Keeps two passes over one disk near each other, so that the page cache serves both: who is more than `lead` bytes of
// data ahead waits. Any thread.
class Pace {
 public:
  enum class Pass { kPacking = 0, kHashing = 1 };
  explicit Pace(uint64_t lead) : lead_(lead) {}
  void advance(Pass, uint64_t bytes);  // this pass is about to read so many bytes more
  void finish(Pass);                   // and waits for it no longer

 private:
  const uint64_t lead_;
  std::mutex mutex_;
  std::condition_variable changed_;
  uint64_t done_[2] = {0, 0};
};

// Reads the disk by itself: its data is read a second time, from the page cache. That both passes read the same bytes
// is proven by comparing folds.
class DiskHasher {
 public:
  // All outlive this object. map tiles the whole disk.
  DiskHasher(const DiskReader&, const ExtentList& map, uint32_t chunk_size, Pace&);
  ~DiskHasher();  // stops at the next chunk if finish() was not called
  struct Answer {
    Digest digest;
    uint64_t fold = 0;
  };
  Result<Answer> finish();  // waits

 private:
  Result<Answer> run(const DiskReader&, const ExtentList& map, uint32_t chunk_size, Pace&);

  std::atomic<bool> stop_ = false;
  std::optional<Result<Answer>> answer_;
  std::thread thread_;
};

}  // namespace hx
