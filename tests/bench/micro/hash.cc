#include <benchmark/benchmark.h>

#include "hash/digest_tree.h"
#include "hash/sha256.h"
#include "hash/xxh3.h"
#include "micro/bytes.h"

namespace {

void sha256(benchmark::State& state) {
  auto bytes = hx::bench::random_bytes(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(hx::Sha256::of(bytes));
  state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK(sha256)->Arg(64 << 10)->Arg(1 << 20);

void sha256_of_zeros(benchmark::State& state) {
  for (auto _ : state) {
    hx::Sha256 hasher;
    hasher.update_zeros(16 << 20);
    benchmark::DoNotOptimize(hasher.finish());
  }
  state.SetBytesProcessed(state.iterations() * (16 << 20));
}
BENCHMARK(sha256_of_zeros);

void xxh3(benchmark::State& state) {
  auto bytes = hx::bench::random_bytes(1 << 20);
  for (auto _ : state) benchmark::DoNotOptimize(hx::xxh3_64(bytes));
  state.SetBytesProcessed(state.iterations() * (1 << 20));
}
BENCHMARK(xxh3);

// The digest tree of an empty disk of 8 TiB: logarithmic in its size.
void digest_tree_of_zeros(benchmark::State& state) {
  for (auto _ : state) {
    hx::DigestTree tree(1 << 20);
    tree.add_zero_chunks(8 << 20);
    benchmark::DoNotOptimize(tree.identity(8 * hx::kTiB));
  }
}
BENCHMARK(digest_tree_of_zeros);

}  // namespace
