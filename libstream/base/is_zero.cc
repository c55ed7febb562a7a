#include "base/is_zero.h"

#include <cstring>

namespace hx {

bool is_zero(ByteSpan bytes) {
  constexpr size_t kProbe = 16;
  const size_t head = bytes.size() < kProbe ? bytes.size() : kProbe;
  for (size_t i = 0; i < head; ++i)
    if (bytes[i] != std::byte{0}) return false;
  if (bytes.size() <= kProbe) return true;
  // The head is zero; if every byte equals the one kProbe before it, all are. memcmp is as fast as the machine
  // compares.
  return std::memcmp(bytes.data(), bytes.data() + kProbe, bytes.size() - kProbe) == 0;
}

}  // namespace hx
