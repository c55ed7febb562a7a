#include "cli/completion.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace hx {
namespace {

// What may stand as an option's argument, or as an operand.
struct Offer {
  enum class Kind : uint8_t { kNothing, kWords, kFiles, kDirectories } kind = Kind::kNothing;
  std::string words;  // separated by blanks
};

// "FILE", "SIZE", "SIZE|unknown": capitals stand for something else, of which only these are no file.
Offer offer_of(const std::string& argument) {
  constexpr std::array<std::string_view, 8> kNoFiles = {"", "N", "NAME", "PERCENT", "RANGE", "SIZE", "TIME", "WHEN"};
  if (argument == "DIR") return {Offer::Kind::kDirectories, ""};
  Offer offer;
  for (size_t at = 0; at <= argument.size();) {
    const size_t end = std::min(argument.find('|', at), argument.size());
    const std::string part = argument.substr(at, end - at);
    at = end + 1;
    const bool is_name = std::any_of(part.begin(), part.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
    if (part.empty()) continue;
    if (!is_name)
      offer.words += (offer.words.empty() ? "" : " ") + part;
    else if (std::find(kNoFiles.begin(), kNoFiles.end(), part) == kNoFiles.end())
      return {Offer::Kind::kFiles, ""};
  }
  if (!offer.words.empty()) offer.kind = Offer::Kind::kWords;
  return offer;
}

Offer offer_of(const Option& option) {
  if (option.suggestions.empty()) return offer_of(option.argument);
  Offer offer{Offer::Kind::kWords, ""};
  for (const auto& word : option.suggestions) offer.words += (offer.words.empty() ? "" : " ") + word;
  return offer;
}

// Puts a backslash before each of these characters.
std::string escaped(std::string_view text, std::string_view which) {
  std::string result;
  for (const char c : text) {
    if (which.find(c) != std::string_view::npos) result += '\\';
    result += c;
  }
  return result;
}

std::string in_quotes(std::string_view text) {
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

std::string bash_action(const Offer& offer) {
  switch (offer.kind) {
    case Offer::Kind::kFiles:
      return "_filedir";
    case Offer::Kind::kDirectories:
      return "_filedir -d";
    case Offer::Kind::kWords:
      return "mapfile -t COMPREPLY < <(compgen -W " + in_quotes(offer.words) + " -- \"$cur\")";
    case Offer::Kind::kNothing:
      break;
  }
  return ":";
}

std::string bash_script(const ToolSpec& spec) {
  std::string function = "_" + spec.name, values, names;
  std::replace(function.begin(), function.end(), '-', '_');
  for (const Option& option : spec.options.options()) {
    if (option.hidden) continue;
    names += (names.empty() ? "--" : " --") + option.name;
    if (option.argument.empty()) continue;
    values += "    " + (option.letter ? std::string("-") + option.letter + " | " : "") + "--" + option.name + ")\n";
    values += "      " + bash_action(offer_of(option)) + "\n      return\n      ;;\n";
  }
  return "# bash completion of " + spec.name + "; made from its option table\n" + function +
         "() {\n  local cur prev words cword split\n  _init_completion -s || return\n  case $prev in\n" + values +
         "  esac\n  $split && return\n  if [[ $cur == -* ]]; then\n    mapfile -t COMPREPLY < <(compgen -W " +
         in_quotes(names) + " -- \"$cur\")\n  else\n    " + bash_action(offer_of(spec.options.operand())) +
         "\n  fi\n} &&\n  complete -F " + function + " " + spec.name + "\n";
}

// ":MESSAGE:ACTION" of _arguments.
std::string zsh_argument(const std::string& message, const Offer& offer) {
  std::string action = " ";  // nothing to choose from: only the message
  if (offer.kind == Offer::Kind::kFiles) action = "_files";
  if (offer.kind == Offer::Kind::kDirectories) action = "_files -/";
  if (offer.kind == Offer::Kind::kWords) action = "(" + offer.words + ")";
  return ":" + escaped(message, ":\\") + ":" + action;
}

std::string zsh_script(const ToolSpec& spec) {
  std::string text = "#compdef " + spec.name + "\n# made from its option table\n_arguments -s -S";
  for (const Option& option : spec.options.options()) {
    if (option.hidden) continue;
    const bool has_argument = !option.argument.empty();
    const std::string letter = option.letter ? std::string("-") + option.letter : "";
    const std::string long_form = "--" + option.name + (has_argument ? "=" : "");
    const std::string rest = "[" + escaped(option.help, "[]:\\") + "]" +
                             (has_argument ? zsh_argument(option.argument, offer_of(option)) : "");
    std::string before = option.repeatable ? "*" : letter.empty() ? "" : "(" + letter + " --" + option.name + ")";
    text += " \\\n  " + (before.empty() ? "" : in_quotes(before));
    text += letter.empty() ? long_form : "{" + letter + (has_argument ? "+" : "") + "," + long_form + "}";
    text += in_quotes(rest);
  }
  const std::string& operand = spec.options.operand();
  if (!operand.empty()) text += " \\\n  " + in_quotes("*" + zsh_argument(operand, offer_of(operand)));
  return text + "\n";
}

std::string fish_script(const ToolSpec& spec) {
  const std::string begin = "complete -c " + spec.name;
  std::string text = "# fish completion of " + spec.name + "; made from its option table\n";
  if (offer_of(spec.options.operand()).kind != Offer::Kind::kFiles) text += begin + " -f\n";
  for (const Option& option : spec.options.options()) {
    if (option.hidden) continue;
    text += begin;
    if (option.letter) text += std::string(" -s ") + option.letter;
    text += " -l " + option.name;
    const Offer offer = offer_of(option);
    if (offer.kind == Offer::Kind::kFiles)
      text += " -r -F";
    else if (offer.kind == Offer::Kind::kDirectories)
      text += " -x -a '(__fish_complete_directories)'";
    else if (!option.argument.empty())
      text += " -x" + (offer.words.empty() ? "" : " -a '" + offer.words + "'");
    text += " -d '" + escaped(option.help, "\\'") + "'\n";
  }
  return text;
}

}  // namespace

std::string completion_text(const ToolSpec& spec, Shell shell) {
  switch (shell) {
    case Shell::kBash:
      return bash_script(spec);
    case Shell::kZsh:
      return zsh_script(spec);
    case Shell::kFish:
      break;
  }
  return fish_script(spec);
}

}  // namespace hx
