#pragma once
// What went wrong, and what the user's script should do next.

#include <cstdint>
#include <string>
#include <string_view>

namespace hx {

// The kind says what to do next; it is the exit status of the tool that gives up (hx(7), EXIT STATUS).
enum class ErrorKind : uint8_t {
  kDamaged = 1,       // the answer is no: differs, damaged, cut short, malformed
  kUsage = 2,         // wrong usage: fix the command
  kChanged = 3,       // the source changed while it was read, or since the checkpoint
  kFullRequired = 4,  // change tracking is unusable
  kTemporary = 5,     // try again; the checkpoint is kept
  kPermission = 6,    // permission or authentication
  kNoSpace = 7,
  kUnsupported = 8,  // version, format or feature
  kSystem = 9,       // any other failure of the system, or a bug
  kRefused = 10,     // busy, mounted, exists, too small, locked: look, then --force where offered
};

// One failure. message: lower case, no full stop, the object first ("/dev/vdb: write at 4194304: No space left on
// device"). hint: a line of its own for the user, or empty. reason: a stable code for scripts, or empty.
struct [[nodiscard]] Error {
  ErrorKind kind = ErrorKind::kSystem;
  std::string message;
  std::string hint;
  std::string reason;

  // The same failure seen from one step further out: "what: message".
  Error within(std::string_view what) &&;
  Error with_hint(std::string text) &&;
  Error with_reason(std::string code) &&;
};

Error damaged(std::string message);
Error usage_error(std::string message);
Error source_changed(std::string message);
Error unsupported(std::string message);
Error refused(std::string message);
Error bug(std::string message);  // kSystem

// A failed system call: the kind is chosen by errno (ENOSPC, EDQUOT, EFBIG: no space; EACCES, EPERM, EROFS: permission;
// ENOENT, ENOTDIR, EISDIR: usage; EBUSY, EEXIST, ETXTBSY: refused; EPIPE: damaged, as the reader went away).
Error system_error(int errno_value, std::string_view what);

}  // namespace hx
