#include "cli/exit_status.h"

#include <catch2/catch.hpp>
#include <vector>

using namespace hx;

TEST_CASE("the exit status of a failure is its kind's number") {
  CHECK(exit_status(ErrorKind::kDamaged) == 1);
  CHECK(exit_status(ErrorKind::kUsage) == 2);
  CHECK(exit_status(ErrorKind::kRefused) == 10);
}

TEST_CASE("of several failures the one that must be seen to first gives the status") {
  const std::vector<ErrorKind> order = {ErrorKind::kChanged,  ErrorKind::kFullRequired, ErrorKind::kPermission,
                                        ErrorKind::kNoSpace,  ErrorKind::kUnsupported,  ErrorKind::kRefused,
                                        ErrorKind::kSystem,   ErrorKind::kDamaged,      ErrorKind::kUsage,
                                        ErrorKind::kTemporary};
  for (size_t first = 0; first < order.size(); ++first) {
    std::vector<ErrorKind> occurred(order.rbegin(), order.rend() - static_cast<long>(first));
    CHECK(leading_failure(occurred) == order[first]);
  }
}
