// hx-snap-seal: finishes unsealed snapshots. hx-snap-seal(1).

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "cli/run_tool.h"
#include "snapshot/seal.h"

using namespace hx;

namespace {

struct Arguments {
  std::vector<std::string> files;
  int threads = 2;
};

ToolSpec describe(Arguments& to) {
  ToolSpec spec;
  spec.name = "hx-snap-seal";
  spec.sentence = "Finishes unsealed snapshots: writes the image's SHA-256 into their headers.";
  spec.examples = {"hx-fetch disk.img | hx-snap-pack --unsealed | ssh backup 'cat > vm.mirn'",
                   "ssh backup hx-snap-seal vm.mirn"};
  spec.options.operands("FILE", 1, OptionTable::kAnyCount, &to.files);
  spec.options.number("jobs", 'j', "N", "threads that decompress (one a core)", &to.threads, 1, 256);
  return spec;
}

// One bad file does not keep the others from being sealed.
Status seal(const Arguments& arguments, Tool& tool) {
  for (const std::string& file : arguments.files) {
    auto outcome = seal_snapshot(file, arguments.threads, &tool.progress());
    if (!outcome)
      tool.report(outcome.error());
    else
      tool.explain(file + (*outcome == SealOutcome::kWasSealed ? ": was sealed already" : ": sealed"));
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  Arguments arguments;
  arguments.threads = static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 1u, 64u));
  return run_tool(describe(arguments), argc, argv, [&](Tool& tool) { return seal(arguments, tool); });
}
