#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <thread>

#include "io/fd_io.h"
#include "micro/bytes.h"

namespace {

using namespace hx;

constexpr size_t kFile = 64 * kMiB;

// A file in the page cache, without a name.
UniqueFd cached_file() {
  char path[] = "/tmp/hx-bench-XXXXXX";
  UniqueFd fd(::mkstemp(path));
  ::unlink(path);
  if (!write_fd(fd.get(), "file", 0, bench::random_bytes(kFile))) std::abort();
  return fd;
}

// What reading costs that everybody pays who looks at the bytes: the page cache into a buffer.
void read_file(benchmark::State& state) {
  const UniqueFd file = cached_file();
  std::vector<std::byte> buffer(kMiB);
  for (auto _ : state)
    for (size_t at = 0; at < kFile; at += kMiB)
      if (!pread_fd(file.get(), "file", at, buffer)) std::abort();
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kFile));
}
BENCHMARK(read_file)->UseRealTime();

// Through a pipe of 1 MiB to a thread that reads, and nothing else: from a buffer in cache, or a file's pages.
void pipe_to_reader(benchmark::State& state, bool spliced) {
  const UniqueFd file = cached_file();
  const std::vector<std::byte> payload = bench::random_bytes(kMiB);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) std::abort();
  UniqueFd out(ends[0]), in(ends[1]);
  enlarge_pipe(in.get());
  std::thread reading([&] {
    std::vector<std::byte> buffer(kMiB);
    for (Result<size_t> got = size_t{1}; got && *got > 0;) got = read_fd(out.get(), "pipe", 0, buffer);
  });
  FdWriter writer(in.get(), "pipe");
  for (auto _ : state)
    for (size_t at = 0; at < kFile; at += kMiB)
      if (!writer.write_two(as_bytes("header"), payload, {spliced ? file.get() : -1, at})) std::abort();
  in.reset();
  reading.join();
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kFile));
}
BENCHMARK_CAPTURE(pipe_to_reader, copied, false)->UseRealTime();
BENCHMARK_CAPTURE(pipe_to_reader, spliced, true)->UseRealTime();

}  // namespace
