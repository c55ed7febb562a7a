#pragma once
// XXH3: against accidents only.

#include <cstdint>
#include <memory>

#include "base/bytes.h"

namespace hx {

uint64_t xxh3_64(ByteSpan);
uint64_t xxh64(ByteSpan);  // the older function, which zstd frames carry (its low 32 bits)

class Xxh3 {
 public:
  Xxh3();
  ~Xxh3();
  Xxh3(Xxh3&&) noexcept;
  void update(ByteSpan);
  uint64_t digest() const;  // of all so far

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The low 32 bits of XXH3 over two pieces as one (a header and its payload), without allocation.
uint32_t xxh3_low32(ByteSpan first, ByteSpan second);

}  // namespace hx
