#include "extent/ddrescue_map.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <optional>
#include <vector>

#include "base/bytes.h"

namespace hx {
namespace {

constexpr size_t kMaxMapText = 64 * kMiB;
constexpr size_t kMaxMapEntries = size_t{1} << 20;
constexpr std::string_view kBlank = " \t\r";

// '#' begins a comment at the start of the line or after a blank.
std::string_view without_comment(std::string_view line) {
  for (size_t at = line.find('#'); at != std::string_view::npos; at = line.find('#', at + 1))
    if (at == 0 || kBlank.find(line[at - 1]) != std::string_view::npos) return line.substr(0, at);
  return line;
}

std::vector<std::string_view> words_of(std::string_view line) {
  std::vector<std::string_view> words;
  for (size_t begin; (begin = line.find_first_not_of(kBlank)) != std::string_view::npos;) {
    line.remove_prefix(begin);
    words.push_back(line.substr(0, line.find_first_of(kBlank)));
    if (words.size() > 3) break;  // already too many
    line.remove_prefix(words.back().size());
  }
  return words;
}

// As an integer constant of C++: 0x hexadecimal, 0 octal, else decimal.
std::optional<uint64_t> parse_number(std::string_view text) {
  int base = 10;
  if (text.starts_with("0x") || text.starts_with("0X")) {
    text.remove_prefix(2);
    base = 16;
  } else if (text.size() > 1 && text[0] == '0') {
    text.remove_prefix(1);
    base = 8;
  }
  uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

bool is_one_of(std::string_view word, std::string_view letters) {
  return word.size() == 1 && letters.find(word[0]) != std::string_view::npos;
}

// POS STATUS [PASS]; before version 1.23 there was no PASS.
bool is_status_line(const std::vector<std::string_view>& words) {
  return words.size() >= 2 && words.size() <= 3 && parse_number(words[0]) && is_one_of(words[1], "?*/-FG+") &&
         (words.size() == 2 || parse_number(words[2]));
}

Status append_block(const std::vector<std::string_view>& words, Kind unfinished, ExtentList& to,
                    std::optional<uint64_t>& end) {
  if (words.size() != 3) return damaged("is no block (POSITION SIZE STATUS)");
  const auto position = parse_number(words[0]), size = parse_number(words[1]);
  if (!position || !size) return damaged("has no number for position or size");
  if (!is_one_of(words[2], "?*/-+")) return damaged("has an unknown status");
  if (end && *position != *end) return damaged("does not begin where the block before it ends");
  HX_TRY(to.append({*position, *size, words[2] == "+" ? Kind::kData : unfinished}));
  end = *position + *size;
  return {};
}

}  // namespace

std::string format_ddrescue_map(const RangeSet& finished, Unfinished rest, uint64_t size) {
  const RangeSet all = to_range_set(std::vector<Range>{{0, size}});
  return format_ddrescue_map(finished, rest == Unfinished::kBad ? subtract(all, finished) : RangeSet(), size);
}

std::string format_ddrescue_map(const RangeSet& finished, const RangeSet& bad, uint64_t size) {
  const RangeSet all = to_range_set(std::vector<Range>{{0, size}});
  const RangeSet good = intersect(finished, all), untried = subtract(subtract(all, good), bad);
  struct Block {
    Range range;
    char status;
  };
  std::vector<Block> blocks;
  for (const Range& range : good) blocks.push_back({range, '+'});
  for (const Range& range : subtract(intersect(bad, all), good)) blocks.push_back({range, '-'});
  for (const Range& range : untried) blocks.push_back({range, '?'});
  std::ranges::sort(blocks, {}, [](const Block& block) { return block.range.offset; });
  std::string text = "# Mapfile. Created by hx " HX_VERSION "\n# current_pos  current_status  current_pass\n";
  text += untried.empty() ? "0x00000000     +               1\n" : "0x00000000     ?               1\n";
  text += "#      pos        size  status\n";
  for (const Block& block : blocks) {
    char line[64];
    std::snprintf(line, sizeof line, "0x%08jX  0x%08jX  %c\n", static_cast<uintmax_t>(block.range.offset),
                  static_cast<uintmax_t>(block.range.length), block.status);
    text += line;
  }
  return text;
}

Result<ExtentList> parse_ddrescue_map(std::string_view text, NotPresent not_present) {
  if (text.size() > kMaxMapText) return damaged("map: longer than 64 MiB");
  const Kind unfinished = not_present == NotPresent::kAbsent ? Kind::kAbsent : Kind::kZero;
  ExtentList list;
  std::optional<uint64_t> end;
  bool has_status = false;
  size_t count = 0;
  for (size_t line_number = 1; !text.empty(); ++line_number) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    const auto words = words_of(without_comment(line));
    if (words.empty()) continue;
    const std::string where = "map: line " + std::to_string(line_number);
    if (!has_status) {
      if (!is_status_line(words)) return damaged(where + " is no status line of a ddrescue mapfile");
      has_status = true;
      continue;
    }
    if (++count > kMaxMapEntries) return damaged("map: more than " + std::to_string(kMaxMapEntries) + " blocks");
    HX_TRY_IN(where, append_block(words, unfinished, list, end));
  }
  if (!has_status) return damaged("map: has no status line of a ddrescue mapfile");
  return list;
}

}  // namespace hx
