#include <benchmark/benchmark.h>

#include <cstdlib>

#include "base/json.h"
#include "extent/record_reader.h"
#include "extent/stream_writer.h"
#include "io/fd_io.h"
#include "micro/bytes.h"

namespace {

using namespace hx;

constexpr uint64_t kChunks = 64;

// A stream of one disk of 64 chunks, every second one zero.
std::string make_stream(const Buffer& chunk) {
  MemoryWriter bytes;
  auto sink = stream_writer(bytes, 1);
  DiskInfo info;
  info.key = "disk0";
  info.name = "disk";
  info.size = kChunks * kMiB;
  Status done = sink->begin_disk(info);
  for (uint64_t i = 0; done && i < kChunks; ++i)
    done = i % 2 ? sink->put(Extent{i * kMiB, kMiB, Kind::kZero, {}})
                 : sink->put(Extent{i * kMiB, kMiB, Kind::kData, chunk.share()});
  DiskTotals totals;
  totals.size = info.size;
  totals.data_bytes = totals.zero_bytes = info.size / 2;
  if (done) done = sink->end_disk(totals);
  if (done) done = sink->commit();
  if (!done) std::abort();
  return std::move(bytes.bytes());
}

void record_writer(benchmark::State& state) {
  Buffer chunk = Buffer::copy_of(bench::random_bytes(kMiB));
  for (auto _ : state) benchmark::DoNotOptimize(make_stream(chunk));
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kChunks / 2 * kMiB));
}
BENCHMARK(record_writer);

// One record after another into the pool's buffers, each checked: what a sink pays for a byte of data.
void record_reader(benchmark::State& state) {
  const std::string stream = make_stream(Buffer::copy_of(bench::random_bytes(kMiB)));
  BufferPool pool(kMaxPayload, 4);
  for (auto _ : state) {
    MemoryReader in(as_bytes(stream));
    RecordReader reader(in, pool, {});
    if (!reader.read_preamble()) std::abort();
    for (;;) {
      auto record = reader.read_record();
      if (!record) std::abort();
      if (record->tag == Tag::kEnd) break;
    }
  }
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(kChunks / 2 * kMiB));
}
BENCHMARK(record_reader);

}  // namespace
