#include "io/buffer_pool.h"

#include <catch2/catch.hpp>
#include <cstring>
#include <thread>

#include "support/waiting_thread.h"

using namespace hx;
using namespace hx::test;

TEST_CASE("blocks are aligned, and large ones to huge pages") {
  const auto [size, alignment] = GENERATE(table<size_t, uintptr_t>({{100, 4096}, {4096, 4096}, {4 * kMiB, 2 * kMiB}}));
  BufferPool pool(size, 3);
  std::vector<Buffer> all;
  for (int i = 0; i < 3; ++i) {
    all.push_back(pool.acquire(size));
    CHECK(reinterpret_cast<uintptr_t>(all.back().bytes().data()) % alignment == 0);
    std::memset(all.back().bytes().data(), i, size);
  }
  for (int i = 0; i < 3; ++i) CHECK(all[i].bytes()[size - 1] == std::byte(i));
}

TEST_CASE("a buffer is as long as asked for") {
  BufferPool pool(4096, 1);
  CHECK(pool.block_size() == 4096);
  CHECK(pool.count() == 1);
  CHECK(pool.acquire(10).size() == 10);
  CHECK(pool.acquire(0).empty());
}

TEST_CASE("the block that came back last goes out first") {
  BufferPool pool(4096, 2);
  Buffer a = pool.acquire(1), b = pool.acquire(1);
  const void* const last = a.bytes().data();
  b = {};
  a = {};
  CHECK(pool.acquire(1).bytes().data() == last);
}

TEST_CASE("when the budget is out, acquire waits for a block to come back") {
  BufferPool pool(4096, 2);
  Buffer a = pool.acquire(1), b = pool.acquire(1);
  const void* const freed = a.bytes().data();
  Buffer got;
  WaitingThread waiter([&] { got = pool.acquire(1); });
  CHECK_FALSE(waiter.done());
  a = {};
  waiter.join();
  CHECK(got.bytes().data() == freed);  // not a third block
}

TEST_CASE("a block goes home with its last handle") {
  BufferPool pool(4096, 1);
  Buffer whole = pool.acquire(8);
  std::memcpy(whole.bytes().data(), "01234567", 8);
  Buffer part = whole.slice(2, 3), same = part.share();
  whole = {};
  part = {};
  Buffer next;
  WaitingThread waiter([&] {
    next = pool.acquire(8);
    std::memset(next.bytes().data(), 'x', 8);
  });
  CHECK_FALSE(waiter.done());
  CHECK(as_text(same.bytes()) == "234");
  same = {};
  waiter.join();
  CHECK(as_text(next.bytes()) == "xxxxxxxx");
}

TEST_CASE("closing wakes all who wait and gives memory beyond the budget") {
  BufferPool pool(4096, 1);
  Buffer only = pool.acquire(1), more[3];
  std::vector<std::unique_ptr<WaitingThread>> waiters;
  for (Buffer& buffer : more) {
    waiters.push_back(std::make_unique<WaitingThread>([&] { buffer = pool.acquire(1); }));
    CHECK_FALSE(waiters.back()->done());
  }
  pool.close();
  for (auto& waiter : waiters) waiter->join();
  for (const Buffer& buffer : more) CHECK(buffer.bytes().data() != only.bytes().data());
  CHECK(pool.acquire(1).size() == 1);
}

TEST_CASE("a buffer outlives its pool") {
  Buffer buffer;
  {
    BufferPool pool(4096, 2);
    buffer = pool.acquire(4096);
  }
  std::memset(buffer.bytes().data(), 1, buffer.size());
  CHECK(buffer.bytes()[4095] == std::byte{1});
}

TEST_CASE("a copy is its own memory") {
  std::string text = "abc";
  const Buffer copy = Buffer::copy_of(as_bytes(text));
  text[0] = 'x';
  CHECK(as_text(copy.bytes()) == "abc");
  CHECK(Buffer::copy_of({}).empty());
}

TEST_CASE("many threads share few blocks") {
  BufferPool pool(4096, 3);
  std::atomic<int> out = 0, most = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        Buffer buffer = pool.acquire(64);
        const int now = ++out;
        for (int seen = most; seen < now && !most.compare_exchange_weak(seen, now);) continue;
        std::memset(buffer.bytes().data(), t, 64);
        --out;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(most <= 3);
}
