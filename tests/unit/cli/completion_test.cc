#include "cli/completion.h"

#include <catch2/catch.hpp>

using namespace hx;

namespace {

ToolSpec sample() {
  static std::string text;
  static std::vector<std::string> texts;
  static bool flag;
  static int choice;
  ToolSpec spec;
  spec.name = "hx-sample";
  spec.options.operands("FILE", 0, 1, &texts);
  spec.options.text("output", 'o', "FILE", "where it's going", &text);
  spec.options.text("into", 0, "DIR", "a directory", &text);
  spec.options.list("range", 0, "RANGE", "of [bytes]: several", &texts);
  spec.options.text("size", 0, "SIZE|unknown", "how much", &text);
  spec.options.choice<int>("map", 'm', "a form", &choice, {{"json", 1}, {"bmap", 2}});
  spec.options.text("when", 0, "WHEN", "back\\slash", &text).suggestions = {"now", "never"};
  spec.options.flag("force", 'f', "anyway", &flag);
  spec.options.flag("secret", 0, "no", &flag).hidden = true;
  return spec;
}
bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a completion script says of each visible option what its argument is", "[completion]") {
  const std::string bash = completion_text(sample(), Shell::kBash);
  CHECK(has(bash, "    -o | --output)\n      _filedir\n      return"));
  CHECK(has(bash, "    --into)\n      _filedir -d\n"));
  CHECK(has(bash, "    --range)\n      :\n"));
  CHECK(has(bash, "compgen -W 'unknown' --"));
  CHECK(has(bash, "compgen -W 'json bmap' --"));
  CHECK(has(bash, "compgen -W 'now never' --"));
  CHECK(has(bash, "'--output --into --range --size --map --when --force'"));
  CHECK(has(bash, "complete -F _hx_sample hx-sample\n"));

  const std::string zsh = completion_text(sample(), Shell::kZsh);
  CHECK(zsh.starts_with("#compdef hx-sample\n"));
  CHECK(has(zsh, "'(-o --output)'{-o+,--output=}'[where it'\\''s going]:FILE:_files'"));
  CHECK(has(zsh, "--into='[a directory]:DIR:_files -/'"));
  CHECK(has(zsh, "'*'--range='[of \\[bytes\\]\\: several]:RANGE: '"));
  CHECK(has(zsh, "'(-m --map)'{-m+,--map=}'[a form]:json|bmap:(json bmap)'"));
  CHECK(has(zsh, "'(-f --force)'{-f,--force}'[anyway]'"));
  CHECK(has(zsh, "  '*:FILE:_files'\n"));

  const std::string fish = completion_text(sample(), Shell::kFish);
  CHECK(has(fish, "complete -c hx-sample -s o -l output -r -F -d 'where it\\'s going'\n"));
  CHECK(has(fish, "complete -c hx-sample -l into -x -a '(__fish_complete_directories)' -d 'a directory'\n"));
  CHECK(has(fish, "complete -c hx-sample -l range -x -d "));
  CHECK(has(fish, "complete -c hx-sample -l when -x -a 'now never' -d 'back\\\\slash'\n"));
  CHECK(has(fish, "complete -c hx-sample -s f -l force -d 'anyway'\n"));
  CHECK_FALSE(has(fish, "complete -c hx-sample -f\n"));  // operands are files
  for (const std::string& text : {bash, zsh, fish}) CHECK_FALSE(has(text, "secret"));
}
