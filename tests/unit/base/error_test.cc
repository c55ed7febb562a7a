// error.h, result.h
#include "base/error.h"

#include <catch2/catch.hpp>
#include <cerrno>

#include "base/result.h"

using namespace hx;

TEST_CASE("errno chooses the kind") {
  const auto [number, kind] = GENERATE(table<int, ErrorKind>({
      {ENOSPC, ErrorKind::kNoSpace},
      {EDQUOT, ErrorKind::kNoSpace},
      {EFBIG, ErrorKind::kNoSpace},
      {EACCES, ErrorKind::kPermission},
      {EPERM, ErrorKind::kPermission},
      {EROFS, ErrorKind::kPermission},
      {ENOENT, ErrorKind::kUsage},
      {EISDIR, ErrorKind::kUsage},
      {EBUSY, ErrorKind::kRefused},
      {EEXIST, ErrorKind::kRefused},
      {EPIPE, ErrorKind::kDamaged},
      {EIO, ErrorKind::kSystem},
  }));
  CHECK(system_error(number, "x").kind == kind);
}

TEST_CASE("a system's error reads object, place, reason") {
  CHECK(system_error(EIO, "disk.img: read at 4194304").message == "disk.img: read at 4194304: Input/output error");
}

TEST_CASE("context is added in front, hint and reason stay") {
  const Error error = damaged("bad magic").with_hint("try --format raw").with_reason("magic").within("vm.mirn");
  CHECK(error.message == "vm.mirn: bad magic");
  CHECK(error.hint == "try --format raw");
  CHECK(error.reason == "magic");
  CHECK(error.kind == ErrorKind::kDamaged);
}

namespace {

Result<std::unique_ptr<int>> positive(int value) {
  if (value <= 0) return usage_error(std::to_string(value) + " is not positive");
  return std::make_unique<int>(value);
}
Result<int> sum(int a, int b) { return *HX_TRY(positive(a)) + *HX_TRY_IN("second", positive(b)); }

}  // namespace

TEST_CASE("HX_TRY hands over the value, or the error with its context") {
  CHECK(sum(1, 2).value() == 3);
  CHECK(sum(-1, 2).error().message == "-1 is not positive");
  CHECK(sum(1, 0).error().message == "second: 0 is not positive");
  CHECK_FALSE(sum(1, 0).ok());
}
