#pragma once
#include <functional>
#include <string>
#include <vector>

#include "cli/option_table.h"

namespace hx {

// All that is to be known of a tool before it runs.
struct ToolSpec {
  std::string name;      // "hx-fetch"
  std::string sentence;  // what it does, for --help: "Writes disks … on stdout."
  OptionTable options;
  std::vector<std::string> examples;  // command lines that work
  // Told of the failure that ends the tool, after it was printed: hx-fetch passes it on down the pipe. A usage error
  // comes here too, before any option has its value.
  std::function<void(const Error&)> on_error;
};

// --help: the usage line, the sentence, the options, examples; at most 79 columns wide.
std::string help_text(const ToolSpec&);

}  // namespace hx
