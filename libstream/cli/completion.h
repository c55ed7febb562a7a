#pragma once
// Completion scripts, generated from the option table when the tools are built.

#include <string>

#include "cli/tool_spec.h"

namespace hx {

enum class Shell : uint8_t { kBash, kZsh, kFish };

// The script that makes this shell complete the tool's options, their values and operands. bash: needs bash-completion;
// zsh: the function _TOOL, to be found in fpath; fish: lines of complete(1).
std::string completion_text(const ToolSpec&, Shell);

}  // namespace hx
