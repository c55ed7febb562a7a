#pragma once
// Integers of fixed byte order and alignment 1, for structs that lie on disk or in a stream.

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "base/bytes.h"

namespace hx {

template <class T, bool kLittle>
class EndianInt {
 public:
  EndianInt() = default;
  EndianInt(T value) { *this = value; }
  EndianInt& operator=(T value) {
    for (size_t i = 0; i < sizeof(T); ++i)
      bytes_[kLittle ? i : sizeof(T) - 1 - i] = static_cast<uint8_t>(value >> (8 * i));
    return *this;
  }
  operator T() const {
    T value = 0;
    for (size_t i = 0; i < sizeof(T); ++i)
      value =
          static_cast<T>(value | static_cast<T>(static_cast<T>(bytes_[kLittle ? i : sizeof(T) - 1 - i]) << (8 * i)));
    return value;
  }

 private:
  uint8_t bytes_[sizeof(T)] = {};
};

using Le16 = EndianInt<uint16_t, true>;
using Le32 = EndianInt<uint32_t, true>;
using Le64 = EndianInt<uint64_t, true>;
using Be16 = EndianInt<uint16_t, false>;
using Be32 = EndianInt<uint32_t, false>;
using Be64 = EndianInt<uint64_t, false>;

// Copies an on-disk struct out of bytes; the caller has checked that bytes.size() >= sizeof(T).
template <class T>
T load_struct(ByteSpan bytes) {
  static_assert(alignof(T) == 1 && std::is_trivially_copyable_v<T>);
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return value;
}

}  // namespace hx
