#include <algorithm>

#include "cli/tool_spec.h"

namespace hx {
namespace {

constexpr size_t kColumns = 79, kWidestLeft = 26;

// Words of text, wrapped to kColumns, the later lines indented.
std::string wrap(const std::string& text, size_t first_column, size_t indent) {
  std::string lines;
  size_t column = first_column;
  for (size_t at = 0; at < text.size();) {
    size_t end = std::min(text.find(' ', at), text.size());
    size_t length = end - at;
    bool begins_line = column == (lines.empty() ? first_column : indent);
    if (!begins_line && column + 1 + length > kColumns) {
      lines += "\n" + std::string(indent, ' ');
      column = indent;
      begins_line = true;
    }
    if (!begins_line) lines += " ", ++column;
    lines += text.substr(at, length);
    column += length;
    at = end + 1;
  }
  return lines;
}

std::string left_side(const Option& option) {
  std::string text = option.letter ? std::string("  -") + option.letter + ", " : std::string(6, ' ');
  text += "--" + option.name;
  if (!option.argument.empty()) text += (option.choices.empty() ? " " : "=") + option.argument;
  return text;
}

std::string compact_line(const std::vector<Option>& options) {
  std::string line;
  for (const auto& option : options) {
    if (!option.compact || option.hidden) continue;
    line += line.empty() ? "also: " : ", ";
    if (option.letter) line += std::string("-") + option.letter + "/";
    line += "--" + option.name;
  }
  return line.empty() ? "" : "  " + line + "\n";
}

}  // namespace

std::string help_text(const ToolSpec& spec) {
  std::string operands = spec.options.usage_operands();
  std::string text = "usage: " + spec.name + " [OPTION]..." + (operands.empty() ? "" : " " + operands) + "\n";
  text += wrap(spec.sentence, 0, 0) + "\n\n";

  size_t right = 0;
  for (const auto& option : spec.options.options())
    if (!option.hidden && !option.compact) right = std::max(right, std::min(left_side(option).size(), kWidestLeft));
  right += 2;
  for (const auto& option : spec.options.options()) {
    if (option.hidden || option.compact) continue;
    std::string left = left_side(option);
    bool fits = left.size() + 2 <= right || left.size() + 2 + option.help.size() <= kColumns;
    if (!fits) {  // the text below, in its column
      text += left + "\n";
      left.clear();
    }
    left.resize(std::max(left.size() + 2, right), ' ');
    text += left + wrap(option.help, left.size(), right) + "\n";
  }
  text += compact_line(spec.options.options());
  for (const auto& example : spec.examples) {
    if (&example == &spec.examples.front()) text += "\n";
    text += "  $ " + example + "\n";
  }
  return text;
}

}  // namespace hx
