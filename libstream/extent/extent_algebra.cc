#include "extent/extent_algebra.h"

#include <algorithm>

namespace hx {
namespace {

// Adds a range that begins at or after the last one's beginning.
void add(RangeSet& set, Range range) {
  if (range.length == 0) return;
  if (!set.empty() && range.offset <= set.back().end())
    set.back().length = std::max(set.back().end(), range.end()) - set.back().offset;
  else
    set.push_back(range);
}

// Adds an entry that comes after the last one: the only ways in which append() could refuse are ruled out by the
// callers.
void add(ExtentList& list, uint64_t begin, uint64_t end, Kind kind) {
  if (begin < end) (void)list.append({begin, end - begin, kind});
}

// Both in order of offset.
ExtentList merge(const ExtentList& a, const ExtentList& b) {
  ExtentList out;
  auto left = a.entries().begin(), right = b.entries().begin();
  while (left != a.entries().end() || right != b.entries().end()) {
    const bool take_left = right == b.entries().end() || (left != a.entries().end() && left->offset < right->offset);
    const MapEntry& entry = take_left ? *left++ : *right++;
    add(out, entry.offset, entry.end(), entry.kind);
  }
  return out;
}

}  // namespace

RangeSet to_range_set(std::span<const Range> ranges) {
  RangeSet sorted(ranges.begin(), ranges.end());
  std::ranges::sort(sorted, {}, &Range::offset);
  RangeSet set;
  for (const Range& range : sorted) add(set, range);
  return set;
}

RangeSet unite(const RangeSet& a, const RangeSet& b) {
  RangeSet both;
  both.reserve(a.size() + b.size());
  std::ranges::merge(a, b, std::back_inserter(both), {}, &Range::offset, &Range::offset);
  RangeSet set;
  for (const Range& range : both) add(set, range);
  return set;
}

RangeSet intersect(const RangeSet& a, const RangeSet& b) {
  RangeSet set;
  for (auto left = a.begin(), right = b.begin(); left != a.end() && right != b.end();) {
    const uint64_t begin = std::max(left->offset, right->offset), end = std::min(left->end(), right->end());
    if (begin < end) set.push_back({begin, end - begin});
    (left->end() < right->end() ? left : right)++;
  }
  return set;
}

RangeSet subtract(const RangeSet& from, const RangeSet& what) {
  RangeSet set;
  auto cut = what.begin();
  for (const Range& range : from) {
    uint64_t begin = range.offset;
    while (cut != what.end() && cut->end() <= begin) ++cut;
    for (auto inner = cut; inner != what.end() && inner->offset < range.end(); ++inner) {
      if (begin < inner->offset) set.push_back({begin, inner->offset - begin});
      begin = inner->end();
    }
    if (begin < range.end()) set.push_back({begin, range.end() - begin});
  }
  return set;
}

uint64_t bytes_of(const RangeSet& set) {
  uint64_t sum = 0;
  for (const Range& range : set) sum += range.length;
  return sum;
}

RangeSet ranges_of(const ExtentList& list, Kind kind) {
  RangeSet set;
  for (const MapEntry& entry : list.entries())
    if (entry.kind == kind) add(set, {entry.offset, entry.length});
  return set;
}

RangeSet ranges_of(const ExtentList& list) {
  RangeSet set;
  for (const MapEntry& entry : list.entries()) add(set, {entry.offset, entry.length});
  return set;
}

ExtentList clip(const ExtentList& list, const RangeSet& set) {
  ExtentList out;
  auto range = set.begin();
  for (auto entry = list.entries().begin(); entry != list.entries().end() && range != set.end();) {
    add(out, std::max(entry->offset, range->offset), std::min(entry->end(), range->end()), entry->kind);
    if (entry->end() < range->end())
      ++entry;
    else
      ++range;
  }
  return out;
}

RangeSet gaps(const ExtentList& list, const RangeSet& set) { return subtract(set, ranges_of(list)); }

ExtentList fill_gaps(const ExtentList& list, const RangeSet& set, Kind kind) {
  ExtentList filling;
  for (const Range& gap : gaps(list, set)) add(filling, gap.offset, gap.end(), kind);
  return merge(list, filling);
}

ExtentList overlay(const ExtentList& lower, const ExtentList& upper) {
  const RangeSet known = unite(ranges_of(upper, Kind::kData), ranges_of(upper, Kind::kZero));
  const ExtentList kept = clip(lower, subtract(ranges_of(lower), known));
  const ExtentList both = merge(clip(upper, known), kept);
  return merge(both, clip(upper, subtract(ranges_of(upper), ranges_of(both))));  // absent in both, or only in upper
}

}  // namespace hx
