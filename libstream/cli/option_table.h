#pragma once
// The one description of a tool's options: the parser, --help, the completions and the test of the man page read it.

#include <climits>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/json_fwd.h"
#include "base/result.h"

namespace hx {

struct Option {
  std::string name;      // long, without dashes
  char letter = 0;       // short; 0 = none
  std::string argument;  // "FILE", "SIZE", "tree|full"; empty = a flag
  std::string help;      // one line, lower case, no full stop
  std::function<Status(const std::string&)> set;
  std::vector<std::string> choices;      // if not empty, the only values
  std::vector<std::string> suggestions;  // what a shell offers where an argument's name tells too little
  bool repeatable = false;               // else the last one wins
  bool digits = false;                   // -1, -19 are this option's value too, as with gzip and zstd
  bool hidden = false;                   // parsed, but in no help
  bool compact = false;                  // shares the last line of --help
};

// Filled once by main(), parsed once. Adders give the new option, to be refined; it moves with the next one added.
// `to` must outlive parse(). One thread.
class OptionTable {
 public:
  static constexpr size_t kAnyCount = SIZE_MAX;

  Option& flag(std::string name, char letter, std::string help, bool* to);
  Option& text(std::string name, char letter, std::string argument, std::string help, std::string* to);
  Option& text(std::string name, char letter, std::string argument, std::string help, std::optional<std::string>* to);
  Option& list(std::string name, char letter, std::string argument, std::string help, std::vector<std::string>* to);
  // As base/size_text: "4MiB", "64K".
  Option& size(std::string name, char letter, std::string help, uint64_t* to);
  Option& size(std::string name, char letter, std::string help, std::optional<uint64_t>* to);
  Option& number(std::string name, char letter, std::string argument, std::string help, int* to, int min, int max);
  // One of a few words, each with its value.
  template <class T>
  Option& choice(std::string name, char letter, std::string help, T* to,
                 std::vector<std::pair<std::string, T>> values) {
    std::vector<std::string> words;
    for (const auto& value : values) words.push_back(value.first);
    return add_choice(std::move(name), letter, std::move(help), std::move(words),
                      [to, values = std::move(values)](size_t index) { *to = values[index].second; });
  }
  // Anything else: its errors are reported as the option's. No argument: a flag that acts.
  Option& call(std::string name, char letter, std::string argument, std::string help,
               std::function<Status(const std::string&)> set);

  // What value_of() makes of the text: a Result of what *to takes.
  template <class T, class Parse>
  Option& parsed(std::string name, char letter, std::string argument, std::string help, T* to, Parse value_of) {
    return call(std::move(name), letter, std::move(argument), std::move(help),
                [to, value_of](const std::string& text) -> Status {
                  *to = HX_TRY(value_of(text));
                  return {};
                });
  }

  // What stands on the line beside options: "FILE", between min and max of them. "-" is an operand; after "--" all are.
  void operands(std::string argument, size_t min, size_t max, std::vector<std::string>* to);

  // Options may stand before, between and after operands; long ones may not be abbreviated. Sets what it can up to the
  // first error; counting the operands is check_operands()'s, so that --help needs none. kUsage.
  Status parse(int argc, const char* const* argv);
  Status check_operands() const;

  const std::vector<Option>& options() const { return options_; }
  const std::string& operand() const { return operand_; }  // its name; empty: the tool takes none
  std::string usage_operands() const;                      // "FILE", "[FILE]", "LOCATION...", "[FILE...]", or empty
  Json to_json() const;                                    // the visible ones

 private:
  Option& add(Option);
  Option& add_choice(std::string name, char letter, std::string help, std::vector<std::string> words,
                     std::function<void(size_t)> set);
  const Option* find(const std::string& name) const;
  std::string nearest(const std::string& name) const;

  std::vector<Option> options_;
  std::string operand_;
  size_t min_operands_ = 0, max_operands_ = 0;
  std::vector<std::string>* operands_ = nullptr;
  std::vector<std::string> unwanted_;  // operands of a tool that takes none
};

// The candidate that is most like `word` (two edits away at most, or beginning with it), or "".
std::string nearest_word(const std::string& word, const std::vector<std::string>& candidates);

}  // namespace hx
