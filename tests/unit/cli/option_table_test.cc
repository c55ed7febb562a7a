#include "cli/option_table.h"
#include "base/json.h"

#include <catch2/catch.hpp>

using namespace hx;

namespace {

struct Parsed {
  bool force = false, quiet = false;
  std::string output, verify = "tree";
  std::optional<std::string> name;
  std::vector<std::string> ranges, operands;
  uint64_t size = 0;
  int level = 3, jobs = 0;
  int verify_level = 0;

  Status parse(std::vector<std::string> words, size_t min = 0, size_t max = OptionTable::kAnyCount) {
    OptionTable table;
    table.text("output", 'o', "FILE", "write to FILE", &output);
    table.text("name", 0, "NAME", "call it NAME", &name);
    table.list("range", 0, "RANGE", "only this", &ranges);
    table.size("chunk-size", 0, "bytes of a chunk", &size);
    table.number("jobs", 'j', "N", "threads", &jobs, 1, 64);
    table.number("level", 0, "N", "zstd level", &level, 1, 19).digits = true;
    table.choice<int>("verify", 0, "how", &verify_level, {{"tree", 1}, {"full", 2}});
    table.flag("force", 'f', "do it", &force);
    table.flag("quiet", 'q', "say less", &quiet);
    table.operands("FILE", min, max, &operands);
    std::vector<const char*> argv = {"hx-test"};
    for (const auto& word : words) argv.push_back(word.c_str());
    Status status = table.parse(static_cast<int>(argv.size()), argv.data());
    return status.ok() ? table.check_operands() : std::move(status);
  }
};

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("options take their values next to them or in the next word, operands stand anywhere") {
  Parsed p;
  REQUIRE(p.parse({"a", "--output", "x", "b", "--range=1+2", "-qf", "--range", "3+4", "-j8", "c"}).ok());
  CHECK(p.output == "x");
  CHECK(p.ranges == Words{"1+2", "3+4"});
  CHECK(p.force);
  CHECK(p.quiet);
  CHECK(p.jobs == 8);
  CHECK(p.operands == Words{"a", "b", "c"});
  CHECK_FALSE(p.name.has_value());
}

TEST_CASE("the last of an option that is given twice counts") {
  Parsed p;
  REQUIRE(p.parse({"-o", "x", "-oy"}).ok());
  CHECK(p.output == "y");
}

TEST_CASE("a dash is an operand and a value, and after two dashes all are operands") {
  Parsed p;
  REQUIRE(p.parse({"-", "-o", "-", "--", "-q", "--nonsense", "--", "-19"}).ok());
  CHECK(p.output == "-");
  CHECK(p.operands == Words{"-", "-q", "--nonsense", "--", "-19"});
  CHECK_FALSE(p.quiet);
  CHECK(p.level == 3);
}

TEST_CASE("an empty word is an operand or a value") {
  Parsed p;
  REQUIRE(p.parse({"", "--name", ""}).ok());
  CHECK(p.operands == Words{""});
  REQUIRE(p.name.has_value());
  CHECK(p.name->empty());
}

TEST_CASE("a number with a dash is the level") {
  for (auto [word, level] : {std::pair("-1", 1), {"-9", 9}, {"-19", 19}}) {
    Parsed p;
    REQUIRE(p.parse({"disk", word}).ok());
    CHECK(p.level == level);
    CHECK(p.operands == Words{"disk"});
  }
  Parsed p;
  REQUIRE(p.parse({"--level", "7"}).ok());
  CHECK(p.level == 7);
  Status status = p.parse({"-20"});
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().message == "--level: '20' is not a number from 1 to 19");
}

TEST_CASE("sizes are read with their suffixes") {
  Parsed p;
  REQUIRE(p.parse({"--chunk-size", "4MiB"}).ok());
  CHECK(p.size == 4 << 20);
  Status status = p.parse({"--chunk-size", "4Q"});
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().kind == ErrorKind::kUsage);
  CHECK(status.error().message.starts_with("--chunk-size: "));
}

TEST_CASE("a choice accepts its words and no others") {
  Parsed p;
  REQUIRE(p.parse({"--verify=full"}).ok());
  CHECK(p.verify_level == 2);
  Status status = p.parse({"--verify", "ful"});
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().message == "--verify: 'ful' is not one of tree, full");
}

TEST_CASE("an abbreviation is not an option, but the error names the option that was meant") {
  Parsed p;
  Status status = p.parse({"--outp", "x"});
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().kind == ErrorKind::kUsage);
  CHECK(status.error().message == "unknown option '--outp'");
  CHECK(status.error().hint == "did you mean '--output'?");
  CHECK(p.output.empty());
}

TEST_CASE("what is wrong on a command line is said in one line") {
  auto [word, message] = GENERATE(table<Words, std::string>({
      {{"--nonsense"}, "unknown option '--nonsense'"},
      {{"-x"}, "unknown option '-x'"},
      {{"-qx"}, "unknown option '-qx'"},
      {{"--output"}, "option '--output' needs an argument"},
      {{"-o"}, "option '--output' needs an argument"},
      {{"--output", "-q"}, "option '--output' needs an argument"},
      {{"--force=yes"}, "option '--force' takes no argument"},
      {{"-j", "many"}, "--jobs: 'many' is not a number from 1 to 64"},
      {{"-j", "0"}, "--jobs: '0' is not a number from 1 to 64"},
      {{"-j", "8x"}, "--jobs: '8x' is not a number from 1 to 64"},
  }));
  Parsed p;
  Status status = p.parse(word);
  CAPTURE(word);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().kind == ErrorKind::kUsage);
  CHECK(status.error().message == message);
}

TEST_CASE("operands are counted") {
  Parsed none, many;
  Status status = none.parse({}, 1);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().message == "missing operand FILE");
  status = many.parse({"a", "b"}, 1, 1);
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().message == "extra operand 'b'");
}

TEST_CASE("a tool without operands refuses them") {
  OptionTable table;
  const char* argv[] = {"hx-test", "what"};
  REQUIRE(table.parse(2, argv).ok());
  Status status = table.check_operands();
  REQUIRE_FALSE(status.ok());
  CHECK(status.error().message == "unexpected operand 'what'");
}

TEST_CASE("the nearest word is a likely one or none") {
  const Words words = {"output", "range", "raw", "web-01"};
  CHECK(nearest_word("outptu", words) == "output");
  CHECK(nearest_word("ra", words) == "range");
  CHECK(nearest_word("web-02", words) == "web-01");
  CHECK(nearest_word("zzz", words).empty());
  CHECK(nearest_word("x", {"y"}).empty());
  CHECK(nearest_word("", {"a"}).empty());
}

TEST_CASE("the table describes itself as JSON without what is hidden") {
  OptionTable table;
  bool flag = false;
  table.flag("force", 'f', "do it", &flag);
  table.flag("secret", 0, "not shown", &flag).hidden = true;
  Json json = table.to_json();
  REQUIRE(json["options"].size() == 1);
  CHECK(json["options"][0]["name"] == "force");
  CHECK(json["options"][0]["letter"] == "f");
}
