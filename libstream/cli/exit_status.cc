#include "cli/exit_status.h"

#include <algorithm>
#include <array>
#include <cassert>

namespace hx {
namespace {

constexpr std::array kPrecedence = {
    ErrorKind::kChanged, ErrorKind::kFullRequired, ErrorKind::kPermission, ErrorKind::kNoSpace, ErrorKind::kUnsupported,
    ErrorKind::kRefused, ErrorKind::kSystem,       ErrorKind::kDamaged,    ErrorKind::kUsage,   ErrorKind::kTemporary};

}  // namespace

const char* error_kind_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kDamaged:
      return "damaged";
    case ErrorKind::kUsage:
      return "usage";
    case ErrorKind::kChanged:
      return "changed";
    case ErrorKind::kFullRequired:
      return "full-required";
    case ErrorKind::kTemporary:
      return "temporary";
    case ErrorKind::kPermission:
      return "permission";
    case ErrorKind::kNoSpace:
      return "no-space";
    case ErrorKind::kUnsupported:
      return "unsupported";
    case ErrorKind::kSystem:
      return "system";
    case ErrorKind::kRefused:
      return "refused";
  }
  return "unknown";
}

ErrorKind leading_failure(std::span<const ErrorKind> kinds) {
  assert(!kinds.empty());
  for (ErrorKind kind : kPrecedence)
    if (std::find(kinds.begin(), kinds.end(), kind) != kinds.end()) return kind;
  return ErrorKind::kSystem;  // a number from outside that is no kind of ours
}

}  // namespace hx
