#include "base/error.h"

#include <cerrno>
#include <cstring>

namespace hx {
namespace {

Error make(ErrorKind kind, std::string message) { return Error{kind, std::move(message), {}, {}}; }

ErrorKind kind_of_errno(int value) {
  switch (value) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return ErrorKind::kNoSpace;
    case EACCES:
    case EPERM:
    case EROFS:
      return ErrorKind::kPermission;
    case ENOENT:
    case ENOTDIR:
    case EISDIR:
    case ENAMETOOLONG:
    case ELOOP:
      return ErrorKind::kUsage;
    case EBUSY:
    case EEXIST:
    case ETXTBSY:
      return ErrorKind::kRefused;
    case EPIPE:
      return ErrorKind::kDamaged;
    default:
      return ErrorKind::kSystem;
  }
}

}  // namespace

Error Error::within(std::string_view what) && {
  message = std::string(what) + ": " + message;
  return std::move(*this);
}

Error Error::with_hint(std::string text) && {
  hint = std::move(text);
  return std::move(*this);
}

Error Error::with_reason(std::string code) && {
  reason = std::move(code);
  return std::move(*this);
}

Error damaged(std::string message) { return make(ErrorKind::kDamaged, std::move(message)); }
Error usage_error(std::string message) { return make(ErrorKind::kUsage, std::move(message)); }
Error source_changed(std::string message) { return make(ErrorKind::kChanged, std::move(message)); }
Error unsupported(std::string message) { return make(ErrorKind::kUnsupported, std::move(message)); }
Error refused(std::string message) { return make(ErrorKind::kRefused, std::move(message)); }
Error bug(std::string message) { return make(ErrorKind::kSystem, std::move(message)); }

Error system_error(int errno_value, std::string_view what) {
  char text[128];
  const char* reason = strerror_r(errno_value, text, sizeof text);  // the GNU form: returns the text
  return make(kind_of_errno(errno_value), std::string(what) + ": " + reason);
}

}  // namespace hx
