#pragma once
// Result<T>: a value or an Error. Status: success or an Error. HX_TRY hands an error on to the caller.
//
//   Status copy(Reader& r) { Bytes b = HX_TRY(r.read()); HX_TRY(write(b)); return {}; }

#include <cassert>
#include <memory>
#include <optional>
#include <utility>

#include "base/error.h"

namespace hx {

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : value_(std::move(value)) {}
  Result(Error error) : error_(std::make_unique<Error>(std::move(error))) {}
  template <class U>
  requires(std::is_convertible_v<U, T> && !std::is_same_v<std::decay_t<U>, T> &&
           !std::is_same_v<std::decay_t<U>, Error> && !std::is_same_v<std::decay_t<U>, Result>) Result(U&& value)
      : value_(std::forward<U>(value)) {}

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  T& value() & { return assert(ok()), *value_; }
  const T& value() const& { return assert(ok()), *value_; }
  T value() && { return assert(ok()), std::move(*value_); }
  T* operator->() { return &value(); }
  T& operator*() & { return value(); }
  Error& error() & { return *error_; }
  Error error() && { return std::move(*error_); }

 private:
  std::optional<T> value_;
  std::unique_ptr<Error> error_;  // null iff there is a value
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::make_unique<Error>(std::move(error))) {}

  bool ok() const { return !error_; }
  explicit operator bool() const { return ok(); }
  void value() const { assert(ok()); }
  Error& error() & { return *error_; }
  Error error() && { return std::move(*error_); }

 private:
  std::unique_ptr<Error> error_;
};

using Status = Result<void>;

}  // namespace hx

// A statement expression, so that it stands inside an expression: both compilers we build with have it. The counter
// keeps a HX_TRY inside another's argument from shadowing its variable.
#define HX_JOIN_(a, b) a##b
#define HX_JOIN(a, b) HX_JOIN_(a, b)
#define HX_TRY_OR_(expression, result, what)                 \
  __extension__({                                            \
    auto result = (expression);                              \
    if (!result.ok()) return std::move(result).error() what; \
    std::move(result).value();                               \
  })
#define HX_TRY(expression) HX_TRY_OR_(expression, HX_JOIN(hx_result_, __COUNTER__), )
// The same, with the error seen from one step further out: HX_TRY_IN("disk.img", read()).
#define HX_TRY_IN(object, expression) HX_TRY_OR_(expression, HX_JOIN(hx_result_, __COUNTER__), .within(object))
