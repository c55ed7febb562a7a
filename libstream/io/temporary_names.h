#pragma once
// The names that a signal must remove before the process dies. Any thread.

#include <mutex>
#include <string>

namespace hx {

// Files, before they are made; and directories: those go last, if they are empty then.
void register_temporary(const std::string& path);
void forget_temporary(const std::string& path);
// mkdir(2) and register_temporary() in one step: registered before, a directory that somebody else has would go;
// registered after, a signal that comes in between would leave ours. 0, or -1 and errno.
int make_temporary_directory(const std::string& path);
// For who is about to end the process: until it is let go, nobody makes, keeps or loses such a name. Kept to the end,
// the names stay gone.
[[nodiscard]] std::unique_lock<std::recursive_mutex> remove_temporaries();

}  // namespace hx
