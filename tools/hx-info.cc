// hx-info: what a snapshot or a stream is. hx-info(1).

#include <string>
#include <vector>

#include "base/json.h"
#include "cli/run_tool.h"
#include "cli/terminal.h"
#include "transfer/describe.h"

using namespace hx;

namespace {

struct Arguments {
  std::vector<std::string> files;
  bool json = false;
};

ToolSpec describe(Arguments& to) {
  ToolSpec spec;
  spec.name = "hx-info";
  spec.sentence = "Tells what snapshots and extent streams are and hold.";
  spec.examples = {"hx-info vm.mirn", "hx-info --json *.mirn | jq .size"};
  spec.options.operands("FILE", 1, OptionTable::kAnyCount, &to.files);
  spec.options.flag("json", 0, "one object a line", &to.json);
  return spec;
}

Status tell(const std::string& file, const Arguments& arguments, Tool& tool) {
  const auto input = HX_TRY(SnapshotInput::open(file));
  const Json json = HX_TRY(describe_input(*input));
  if (arguments.json) return tool.print_json(dump_json(json) + "\n");
  return tool.print(format_description(json));
}

Status run(const Arguments& arguments, Tool& tool) {
  for (const std::string& file : arguments.files) {
    if (file == "-") HX_TRY(refuse_binary_from_terminal(0, "a snapshot or stream"));
    Status status = tell(file, arguments, tool);
    if (!status) tool.report(status.error());
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  return run_tool(describe(arguments), argc, argv, [&](Tool& tool) { return run(arguments, tool); });
}
