#pragma once
// The exit statuses of every tool: hx(7), EXIT STATUS.

#include <span>

#include "base/error.h"

namespace hx {

inline int exit_status(ErrorKind kind) { return static_cast<int>(kind); }

// "damaged", "usage", "changed", … : what JSON events call a kind.
const char* error_kind_name(ErrorKind);

// Of several failures the one whose next step comes first: 3, 4, 6, 7, 8, 10, 9, 1, 2, 5. What running again cannot
// mend hides what it can. kinds is not empty.
ErrorKind leading_failure(std::span<const ErrorKind> kinds);

}  // namespace hx
