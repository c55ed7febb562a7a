#include "cli/option_table.h"

#include <algorithm>
#include <boost/program_options.hpp>
#include <charconv>
#include <numeric>

#include "base/json.h"
#include "base/size_text.h"

namespace hx {
namespace {

namespace po = boost::program_options;

std::string join(const std::vector<std::string>& words, const char* between) {
  std::string all;
  for (const auto& word : words) all += (all.empty() ? "" : between) + word;
  return all;
}

Status set_size(const std::string& text, const std::function<void(uint64_t)>& to) {
  to(HX_TRY(parse_size(text)));
  return {};
}

size_t edit_distance(const std::string& a, const std::string& b) {
  std::vector<size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 0; i < a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      size_t changed = diagonal + (a[i] != b[j]);
      diagonal = row[j + 1];
      row[j + 1] = std::min({changed, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

}  // namespace

std::string nearest_word(const std::string& word, const std::vector<std::string>& candidates) {
  std::string best;
  size_t best_distance = 3;
  for (const auto& candidate : candidates) {
    size_t distance = word.size() >= 2 && candidate.starts_with(word) ? 1 : edit_distance(word, candidate);
    if (distance >= std::min(best_distance, std::max(word.size(), candidate.size()))) continue;
    best = candidate;
    best_distance = distance;
  }
  return best;
}

Option& OptionTable::add(Option option) {
  assert(!find(option.name));
  options_.push_back(std::move(option));
  return options_.back();
}

Option& OptionTable::flag(std::string name, char letter, std::string help, bool* to) {
  return call(std::move(name), letter, "", std::move(help), [to](const std::string&) {
    *to = true;
    return Status();
  });
}

Option& OptionTable::text(std::string name, char letter, std::string argument, std::string help, std::string* to) {
  return call(std::move(name), letter, std::move(argument), std::move(help), [to](const std::string& value) {
    *to = value;
    return Status();
  });
}

Option& OptionTable::text(std::string name, char letter, std::string argument, std::string help,
                          std::optional<std::string>* to) {
  return call(std::move(name), letter, std::move(argument), std::move(help), [to](const std::string& value) {
    *to = value;
    return Status();
  });
}

Option& OptionTable::list(std::string name, char letter, std::string argument, std::string help,
                          std::vector<std::string>* to) {
  Option& option = call(std::move(name), letter, std::move(argument), std::move(help), [to](const std::string& value) {
    to->push_back(value);
    return Status();
  });
  option.repeatable = true;
  return option;
}

Option& OptionTable::size(std::string name, char letter, std::string help, uint64_t* to) {
  return call(std::move(name), letter, "SIZE", std::move(help),
              [to](const std::string& value) { return set_size(value, [to](uint64_t size) { *to = size; }); });
}

Option& OptionTable::size(std::string name, char letter, std::string help, std::optional<uint64_t>* to) {
  return call(std::move(name), letter, "SIZE", std::move(help),
              [to](const std::string& value) { return set_size(value, [to](uint64_t size) { *to = size; }); });
}

Option& OptionTable::number(std::string name, char letter, std::string argument, std::string help, int* to, int min,
                            int max) {
  return call(std::move(name), letter, std::move(argument), std::move(help),
              [to, min, max](const std::string& value) -> Status {
                int number = 0;
                auto [end, failure] = std::from_chars(value.data(), value.data() + value.size(), number);
                if (failure != std::errc() || end != value.data() + value.size() || number < min || number > max)
                  return usage_error("'" + value + "' is not a number from " + std::to_string(min) + " to " +
                                     std::to_string(max));
                *to = number;
                return {};
              });
}

Option& OptionTable::add_choice(std::string name, char letter, std::string help, std::vector<std::string> words,
                                std::function<void(size_t)> set) {
  Option& option =
      call(std::move(name), letter, join(words, "|"), std::move(help), [words, set](const std::string& value) {
        set(static_cast<size_t>(std::find(words.begin(), words.end(), value) - words.begin()));
        return Status();
      });
  option.choices = std::move(words);
  return option;
}

Option& OptionTable::call(std::string name, char letter, std::string argument, std::string help,
                          std::function<Status(const std::string&)> set) {
  Option option;
  option.name = std::move(name);
  option.letter = letter;
  option.argument = std::move(argument);
  option.help = std::move(help);
  option.set = std::move(set);
  return add(std::move(option));
}

void OptionTable::operands(std::string argument, size_t min, size_t max, std::vector<std::string>* to) {
  operand_ = std::move(argument);
  min_operands_ = min;
  max_operands_ = max;
  operands_ = to;
}

const Option* OptionTable::find(const std::string& name) const {
  for (const auto& option : options_)
    if (option.name == name) return &option;
  return nullptr;
}

std::string OptionTable::nearest(const std::string& name) const {
  std::vector<std::string> names;
  for (const auto& option : options_)
    if (!option.hidden) names.push_back(option.name);
  return nearest_word(name, names);
}

namespace {

// What Boost found on the command line, with its exceptions turned into errors. Only here is Boost asked for anything.
Result<std::vector<po::option>> split(int argc, const char* const* argv, const std::vector<Option>& options,
                                      const std::function<std::string(const std::string&)>& nearest) {
  po::options_description known;
  std::string digits;
  for (const auto& option : options) {
    std::string names = option.letter ? option.name + "," + option.letter : option.name;
    if (option.argument.empty())
      known.add_options()(names.c_str(), "");
    else
      known.add_options()(names.c_str(), po::value<std::string>(), "");
    if (option.digits) digits = option.name;
  }
  auto take_digits = [&digits](const std::string& token) -> std::pair<std::string, std::string> {
    bool is_number = token.size() >= 2 && token.size() <= 9 && token[0] == '-' &&
                     std::all_of(token.begin() + 1, token.end(), [](char c) { return c >= '0' && c <= '9'; });
    return is_number && !digits.empty() ? std::pair(digits, token.substr(1)) : std::pair(std::string(), std::string());
  };
  // Abbreviations are off: with them a new option would change what an old script means.
  constexpr int kStyle = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
  try {
    return po::command_line_parser(argc, argv).options(known).extra_parser(take_digits).style(kStyle).run().options;
  } catch (const po::unknown_option& failure) {
    std::string name = failure.get_option_name();
    std::string bare = name.substr(std::min(name.find_first_not_of('-'), name.size()));
    std::string near = name.starts_with("--") ? nearest(bare) : "";
    Error error = usage_error("unknown option '" + name + "'");
    return near.empty() ? std::move(error) : std::move(error).with_hint("did you mean '--" + near + "'?");
  } catch (const po::error_with_option_name& failure) {
    std::string name = failure.get_option_name();
    auto* syntax = dynamic_cast<const po::invalid_syntax*>(&failure);
    if (!syntax) return usage_error(name + ": " + failure.what());
    switch (syntax->kind()) {
      case po::invalid_syntax::missing_parameter:
      case po::invalid_syntax::empty_adjacent_parameter:
        return usage_error("option '" + name + "' needs an argument");
      case po::invalid_syntax::extra_parameter:
        return usage_error("option '" + name + "' takes no argument");
      default:
        return usage_error("option '" + name + "' is not understood");
    }
  } catch (const po::error& failure) {
    return usage_error(failure.what());
  }
}

}  // namespace

Status OptionTable::parse(int argc, const char* const* argv) {
  if (argc < 1) return {};  // execve(2) with an empty argv
  auto found = HX_TRY(split(argc, argv, options_, [this](const std::string& name) { return nearest(name); }));
  for (const auto& item : found) {
    if (item.position_key >= 0 || item.string_key.empty()) {
      for (const auto& value : item.value) (operands_ ? *operands_ : unwanted_).push_back(value);
      continue;
    }
    const Option* option = find(item.string_key);
    if (!option) return bug("option '" + item.string_key + "' was parsed but is not known");
    std::string value = item.value.empty() ? "" : item.value.front();
    const auto& choices = option->choices;
    if (!choices.empty() && std::find(choices.begin(), choices.end(), value) == choices.end())
      return usage_error("--" + option->name + ": '" + value + "' is not one of " + join(choices, ", "));
    HX_TRY_IN("--" + option->name, option->set(value));
  }
  return {};
}

Status OptionTable::check_operands() const {
  if (!unwanted_.empty()) return usage_error("unexpected operand '" + unwanted_.front() + "'");
  if (!operands_) return {};
  if (operands_->size() < min_operands_) return usage_error("missing operand " + operand_);
  if (operands_->size() > max_operands_) return usage_error("extra operand '" + (*operands_)[max_operands_] + "'");
  return {};
}

std::string OptionTable::usage_operands() const {
  if (operand_.empty()) return "";
  std::string text = operand_ + (max_operands_ > 1 ? "..." : "");
  return min_operands_ == 0 ? "[" + text + "]" : text;
}

Json OptionTable::to_json() const {
  Json list = Json::array();
  for (const auto& option : options_) {
    if (option.hidden) continue;
    Json item = {{"name", option.name}, {"argument", option.argument}, {"help", option.help}};
    item["letter"] = option.letter ? std::string(1, option.letter) : "";
    item["repeatable"] = option.repeatable;
    item["digits"] = option.digits;
    item["choices"] = option.choices;
    list.push_back(std::move(item));
  }
  return {{"operands", usage_operands()}, {"options", std::move(list)}};
}

}  // namespace hx
