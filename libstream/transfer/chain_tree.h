#pragma once
#include <string>
#include <vector>

#include "base/json_fwd.h"

namespace hx {

// Which of several files builds on which, as a tree with sizes, a line a file: of what describe_input() says of them.
// Empty where none of them is a delta.
std::string format_chain_tree(const std::vector<Json>& descriptions);

}  // namespace hx
