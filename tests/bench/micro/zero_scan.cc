#include <benchmark/benchmark.h>

#include "base/is_zero.h"
#include "micro/bytes.h"

namespace {

// All zero: every byte must be looked at.
void zero_scan_zeros(benchmark::State& state) {
  auto bytes = hx::bench::zero_bytes(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(hx::is_zero(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(zero_scan_zeros)->Arg(4 << 10)->Arg(64 << 10)->Arg(1 << 20);

// Data from the first byte on, as in nearly every chunk of data: time, not rate.
void zero_scan_data(benchmark::State& state) {
  auto bytes = hx::bench::random_bytes(1 << 20);
  for (auto _ : state) benchmark::DoNotOptimize(hx::is_zero(bytes));
}
BENCHMARK(zero_scan_data);

}  // namespace
