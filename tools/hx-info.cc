// hx-info: what a snapshot or a stream is. hx-info(1).

#include <memory>
#include <string>
#include <vector>

#include "base/json.h"
#include "cli/net_options.h"
#include "cli/run_tool.h"
#include "cli/terminal.h"
#include "providers/provider_list.h"
#include "transfer/chain_tree.h"
#include "transfer/describe.h"

using namespace hx;

namespace {

struct Arguments {
  std::vector<std::string> files;
  NetOptions net;
  bool json = false;
};

ToolSpec describe(Arguments& to) {
  ToolSpec spec;
  spec.name = "hx-info";
  spec.sentence = "Tells what snapshots and extent streams are and hold, here or on servers.";
  spec.examples = {"hx-info vm.mirn", "hx-info --json *.mirn | jq .size"};
  spec.options.operands("FILE", 1, OptionTable::kAnyCount, &to.files);
  add_net_options(spec.options, &to.net);
  spec.options.flag("json", 0, "one object a line", &to.json);
  return spec;
}

// Of a snapshot on a server its header and directory are read, by ranges.
Result<std::unique_ptr<SnapshotInput>> open(const std::string& file, const std::shared_ptr<NetAccess>& net) {
  if (!is_remote_file(file)) return SnapshotInput::open(file);
  return SnapshotInput::open(HX_TRY(open_remote_file(file, {.net = net})));
}

Status tell(const std::string& file, const std::shared_ptr<NetAccess>& net, const Arguments& arguments,
            std::vector<Json>& told, Tool& tool) {
  const auto input = HX_TRY(open(file, net));
  told.push_back(HX_TRY(describe_input(*input)));
  if (arguments.json) return tool.print_json(dump_json(told.back()) + "\n");
  return tool.print(format_description(told.back()));
}

Status run(Arguments& arguments, Tool& tool) {
  arguments.net.explain = [&tool](const std::string& text) { tool.explain(text); };
  const auto net = std::make_shared<NetAccess>(arguments.net);
  std::vector<Json> told;
  for (const std::string& file : arguments.files) {
    if (file == "-") HX_TRY(refuse_binary_from_terminal(0, "a snapshot or stream"));
    Status status = tell(file, net, arguments, told, tool);
    if (!status) tool.report(status.error());
  }
  return arguments.json ? Status() : tool.print(format_chain_tree(told));
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  return run_tool(describe(arguments), argc, argv, [&](Tool& tool) { return run(arguments, tool); });
}
