#include <catch2/catch.hpp>

#include <random>

#include "extent/extent_algebra.h"

using namespace hx;

namespace {

constexpr uint64_t kSize = 64;
using Model = std::vector<int>;  // a byte: -1 not in the list, else its kind; of a set: 0 or 1

ExtentList random_list(std::mt19937& random) {
  ExtentList list;
  for (uint64_t at = random() % 5; at < kSize;) {
    const uint64_t length = std::min<uint64_t>(1 + random() % 9, kSize - at);
    (void)list.append({at, length, static_cast<Kind>(random() % 3)});
    at += length + (random() % 2 ? 0 : random() % 6);
  }
  return list;
}
RangeSet random_set(std::mt19937& random) { return ranges_of(random_list(random)); }

Model model_of(const ExtentList& list) {
  Model model(kSize, -1);
  for (const MapEntry& entry : list.entries())
    std::fill_n(model.begin() + static_cast<ptrdiff_t>(entry.offset), entry.length, static_cast<int>(entry.kind));
  return model;
}
Model model_of(const RangeSet& set) {
  Model model(kSize, 0);
  for (const Range& range : set) std::fill_n(model.begin() + static_cast<ptrdiff_t>(range.offset), range.length, 1);
  return model;
}
template <class F>
Model combine(const Model& a, const Model& b, F f) {
  Model out(a.size());
  std::ranges::transform(a, b, out.begin(), f);
  return out;
}
// One set has one form.
bool is_normal(const RangeSet& set) {
  for (size_t i = 0; i < set.size(); ++i)
    if (set[i].length == 0 || (i > 0 && set[i].offset <= set[i - 1].end())) return false;
  return true;
}
bool is_normal(const ExtentList& list) {
  ExtentList again;
  for (const MapEntry& entry : list.entries())
    if (!again.append(entry).ok()) return false;
  return again == list;
}

}  // namespace

TEST_CASE("sets of ranges behave as sets of bytes") {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    const RangeSet a = random_set(random), b = random_set(random);
    const Model ma = model_of(a), mb = model_of(b);
    const RangeSet both = unite(a, b), common = intersect(a, b), rest = subtract(a, b);
    REQUIRE((is_normal(both) && is_normal(common) && is_normal(rest)));
    REQUIRE(model_of(both) == combine(ma, mb, [](int x, int y) { return x | y; }));
    REQUIRE(model_of(common) == combine(ma, mb, [](int x, int y) { return x & y; }));
    REQUIRE(model_of(rest) == combine(ma, mb, [](int x, int y) { return x & !y; }));
    REQUIRE(bytes_of(rest) + bytes_of(common) == bytes_of(a));
  }
}

TEST_CASE("ranges in any order become a set") {
  CHECK(to_range_set(std::vector<Range>{{10, 5}, {0, 3}, {12, 8}, {3, 2}, {30, 0}}) == RangeSet{{0, 5}, {10, 10}});
  std::mt19937 random(8);
  for (int round = 0; round < 200; ++round) {
    std::vector<Range> ranges;
    Model model(kSize, 0);
    for (int i = 0; i < 6; ++i) {
      const uint64_t offset = random() % kSize, length = random() % (kSize - offset + 1);
      ranges.push_back({offset, length});
      std::fill_n(model.begin() + static_cast<ptrdiff_t>(offset), length, 1);
    }
    const RangeSet set = to_range_set(ranges);
    REQUIRE(is_normal(set));
    REQUIRE(model_of(set) == model);
  }
}

TEST_CASE("maps are cut, filled and laid over each other as bytes are") {
  std::mt19937 random(9);
  constexpr int kAbsentByte = static_cast<int>(Kind::kAbsent);
  for (int round = 0; round < 500; ++round) {
    const ExtentList a = random_list(random), b = random_list(random);
    const RangeSet set = random_set(random);
    const Model ma = model_of(a), mb = model_of(b), ms = model_of(set);
    const ExtentList clipped = clip(a, set), filled = fill_gaps(a, set, Kind::kAbsent), over = overlay(a, b);
    REQUIRE((is_normal(clipped) && is_normal(filled) && is_normal(over) && is_normal(gaps(a, set))));
    REQUIRE(model_of(clipped) == combine(ma, ms, [](int x, int s) { return s ? x : -1; }));
    REQUIRE(model_of(gaps(a, set)) == combine(ma, ms, [](int x, int s) { return s && x < 0 ? 1 : 0; }));
    REQUIRE(model_of(filled) == combine(ma, ms, [](int x, int s) { return s && x < 0 ? kAbsentByte : x; }));
    REQUIRE(model_of(over) == combine(ma, mb, [](int lower, int upper) {
              if (upper >= 0 && upper != kAbsentByte) return upper;
              return lower >= 0 ? lower : upper;
            }));
    REQUIRE(model_of(ranges_of(a, Kind::kZero)) == combine(ma, ma, [](int x, int) { return x == 1 ? 1 : 0; }));
  }
}
