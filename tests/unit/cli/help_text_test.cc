#include <catch2/catch.hpp>

#include "cli/tool_spec.h"

using namespace hx;

TEST_CASE("help has a usage line, the sentence, the options in columns and an example") {
  ToolSpec spec;
  spec.name = "hx-test";
  spec.sentence = "Does one thing.";
  std::string text;
  bool flag = false;
  int level = 0;
  std::vector<std::string> operands;
  spec.options.text("output", 'o', "FILE", "write to FILE", &text);
  spec.options.choice<int>("verify", 0, "how much to verify", &level, {{"tree", 1}, {"full", 2}});
  spec.options.flag("quiet", 'q', "say less", &flag).compact = true;
  spec.options.flag("help", 0, "this", &flag).compact = true;
  spec.options.flag("hidden", 0, "not shown", &flag).hidden = true;
  spec.options.operands("FILE", 1, OptionTable::kAnyCount, &operands);
  spec.examples = {"hx-test disk.img"};
  CHECK(help_text(spec) ==
        "usage: hx-test [OPTION]... FILE...\n"
        "Does one thing.\n"
        "\n"
        "  -o, --output FILE       write to FILE\n"
        "      --verify=tree|full  how much to verify\n"
        "  also: -q/--quiet, --help\n"
        "\n"
        "  $ hx-test disk.img\n");
}

TEST_CASE("no line of help is wider than a terminal") {
  ToolSpec spec;
  spec.name = "hx-test";
  spec.sentence = std::string(50, 'a') + " " + std::string(50, 'b') + " c";
  std::string text;
  spec.options.text("an-option-of-great-length", 'o', "ARGUMENT", std::string(40, 'd') + " e " + std::string(40, 'f'),
                    &text);
  spec.options.text("short", 's', "X", "one two three four five six seven eight nine ten eleven twelve thirteen",
                    &text);
  std::string help = help_text(spec);
  for (size_t at = 0; at < help.size();) {
    size_t end = help.find('\n', at);
    CHECK(end - at < 80);
    at = end + 1;
  }
  CHECK(help.find("bbb c\n") != std::string::npos);
  CHECK(help.find("thirteen\n") != std::string::npos);
}
