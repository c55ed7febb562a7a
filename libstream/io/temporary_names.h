#pragma once
// The names that a signal must remove before the process dies. Any thread.

#include <string>

namespace hx {

// Files, and directories: those go last, if they are empty then.
void register_temporary(const std::string& path);
void forget_temporary(const std::string& path);
void remove_temporaries();  // called once by the thread that handles signals (cli/signals)

}  // namespace hx
