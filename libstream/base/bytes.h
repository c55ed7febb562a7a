#pragma once
// Spans of bytes and the few conversions they need.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace hx {

using ByteSpan = std::span<const std::byte>;
using MutableByteSpan = std::span<std::byte>;

constexpr uint64_t kKiB = 1024, kMiB = 1024 * kKiB, kGiB = 1024 * kMiB, kTiB = 1024 * kGiB;

inline ByteSpan as_bytes(std::string_view text) { return std::as_bytes(std::span(text.data(), text.size())); }
inline std::string_view as_text(ByteSpan bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }
// The object representation of an on-disk struct (made of endian types: no padding, alignment 1).
template <class T>
ByteSpan struct_bytes(const T& value) {
  static_assert(alignof(T) == 1 && std::is_trivially_copyable_v<T>);
  return std::as_bytes(std::span(&value, 1));
}

}  // namespace hx
